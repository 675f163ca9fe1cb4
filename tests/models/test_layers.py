import copy
from functools import cache

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import nn

from models.layers import layer_of, parameters_by_layer

SIZES = {"vocab_size": 30, "num_labels": 2, "pad_token_id": 0}
CONFIGS = {
    "bert": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "roberta": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "electra": {
        "hidden_size": 8,
        "embedding_size": 4,
        "num_hidden_layers": 12,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    },
    "mpnet": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "deberta-v2": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "distilbert": {"dim": 8, "n_layers": 12, "n_heads": 2, "hidden_dim": 8},
    "gpt2": {"n_embd": 8, "n_layer": 12, "n_head": 2},
    "gpt_neox": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "llama": {"hidden_size": 8, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 8},
    "opt": {
        "hidden_size": 8,
        "word_embed_proj_dim": 4,
        "num_hidden_layers": 12,
        "num_attention_heads": 2,
        "ffn_dim": 8,
    },
    "bloom": {"hidden_size": 8, "n_layer": 12, "n_head": 2},
    "xlm": {"emb_dim": 8, "n_layers": 12, "n_heads": 2},
}
EXPECTED = ["embeddings", *(f"block.{i}" for i in range(12)), "head"]


@cache
def classifier(kind):
    config = transformers.AutoConfig.for_model(kind, **SIZES, **CONFIGS[kind])
    with torch.device("meta"):
        return transformers.AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("kind", CONFIGS)
def test_layers_run_from_input_to_output(kind):
    model = classifier(kind)
    layers = parameters_by_layer(model)
    assert list(layers) == EXPECTED
    parameters = [parameter for pairs in layers.values() for _, parameter in pairs]
    assert len(parameters) == len(list(model.parameters()))
    assert {id(parameter) for parameter in parameters} == {id(parameter) for parameter in model.parameters()}


@pytest.mark.parametrize("kind", CONFIGS)
def test_all_blocks_are_made_alike(kind):
    layers = parameters_by_layer(classifier(kind))
    shapes = {layer: sorted(tuple(p.shape) for _, p in pairs) for layer, pairs in layers.items()}
    assert all(shapes[f"block.{i}"] == shapes["block.0"] for i in range(12))


def test_embeddings_hold_the_vocabulary_and_the_head_the_labels():
    for kind in CONFIGS:
        layers = parameters_by_layer(classifier(kind))
        assert any(30 in p.shape for _, p in layers["embeddings"]), kind
        assert layers["head"][-1][1].shape[0] == 2, kind


def test_wrappers_change_neither_layers_nor_names():
    bare = parameters_by_layer(classifier("bert"))

    class Wrapper(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.module = model

    wrapped = parameters_by_layer(Wrapper(torch.compile(classifier("bert"))))
    assert {layer: [name for name, _ in pairs] for layer, pairs in wrapped.items()} == {
        layer: [name for name, _ in pairs] for layer, pairs in bare.items()
    }


def test_lora_adapters_stay_with_their_blocks():
    model = get_peft_model(
        copy.deepcopy(classifier("bert")), LoraConfig(task_type="SEQ_CLS", target_modules=["query"], r=2)
    )
    trained = {
        layer: [name for name, p in pairs if p.requires_grad] for layer, pairs in parameters_by_layer(model).items()
    }
    assert trained["embeddings"] == []
    assert all(len(trained[f"block.{i}"]) == 2 for i in range(12))
    assert all("classifier" in name for name in trained["head"]) and trained["head"]


def test_a_deep_mlp_and_a_transformer_of_ones_own():
    class Network(nn.Module):
        def __init__(self, blocks):
            super().__init__()
            self.head = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
            setattr(self, blocks, nn.ModuleList(nn.Linear(4, 4) for _ in range(11)))
            self.embedding = nn.Embedding(5, 4)

    for blocks in ("layers", "blocks"):
        assert list(parameters_by_layer(Network(blocks))) == [
            "embeddings",
            *(f"block.{i}" for i in range(11)),
            "head",
        ]


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        ("bert.embeddings", "embeddings"),
        ("bert.encoder.layer.3.attention.self", "block.3"),
        ("bert.encoder.layer.3", "block.3"),
        ("bert.pooler", "head"),
        ("classifier.layers.0.weight", "head"),
        ("0.auto_model.encoder.layer.3.output.dense.bias", "block.3"),
    ],
)
def test_modules_have_layers_too(module, layer):
    assert layer_of(module) == layer
