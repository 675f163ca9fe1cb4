import json

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    RobertaConfig,
)

import models.fast_cpu
from models.dropout import ByteDropout
from models.fast_cpu import speed_up_training

SIZES = {"vocab_size": 50, "pad_token_id": 0, "max_position_embeddings": 40}
CONFIGS = {
    "bert": (BertConfig, {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}),
    "roberta": (RobertaConfig, {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}),
    "distilbert": (DistilBertConfig, {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}),
    "gpt2": (GPT2Config, {"n_embd": 16, "n_layer": 2, "n_head": 2, "bos_token_id": 1, "eos_token_id": 1}),
}
DROPOUTS = [
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "seq_classif_dropout",
    "embd_pdrop",
    "resid_pdrop",
    "attn_pdrop",
]


@pytest.fixture(autouse=True)
def fast_bf16(monkeypatch):
    monkeypatch.setattr(models.fast_cpu, "cpu_has_fast_bf16", lambda: True)


def network(family="bert", dropout=0.1):
    torch.manual_seed(0)
    config_class, sizes = CONFIGS[family]
    config = config_class(**SIZES, **sizes)
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    return AutoModelForSequenceClassification.from_config(config).train()


def batch():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([9, 5, 3, 9])
    mask = (torch.arange(9) < lengths[:, None]).long()
    input_ids = torch.randint(2, 50, (4, 9), generator=generator) * mask
    return {"input_ids": input_ids, "attention_mask": mask, "labels": torch.tensor([0, 1, 1, 0])}


@pytest.mark.parametrize("family", CONFIGS)
def test_without_dropout_a_step_equals_the_plain_one(family):
    plain, fast = network(family, dropout=0.0), network(family, dropout=0.0)
    with speed_up_training(fast):
        for model in (plain, fast):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            model(**batch()).loss.backward()
            optimizer.step()
    for (name, expected), parameter in zip(plain.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected.grad, msg=name)
        torch.testing.assert_close(parameter, expected, msg=name)


@pytest.mark.parametrize("family", CONFIGS)
def test_dropout_and_bf16_change_a_little_and_follow_the_seed(family):
    model = network(family)
    plain = model.eval()(**batch()).loss.item()
    losses = []
    with speed_up_training(model), torch.autocast("cpu", torch.bfloat16):
        assert model(**batch()).loss.item() == pytest.approx(plain, rel=0.02)
        model.train()
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            losses.append(model(**batch()).loss.item())
    assert losses[0] == losses[1] != losses[2]
    assert losses[0] == pytest.approx(plain, rel=0.5)


@pytest.mark.parametrize("family", CONFIGS)
def test_evaluation_is_bit_for_bit_the_plain_one(family):
    model = network(family).eval()
    expected = model(**batch()).logits
    with speed_up_training(model):
        assert torch.equal(model(**batch()).logits, expected)


def test_activations_between_layers_are_bf16_under_autocast_only():
    model, seen = network(), []
    model.bert.encoder.layer[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].dtype))
    with speed_up_training(model):
        model(**batch())
        with torch.autocast("cpu", torch.bfloat16):
            model(**batch())
    assert seen == [torch.float32, torch.bfloat16]


def test_closing_puts_everything_back():
    model = network()
    before = repr(model), list(model.state_dict()), model.config.to_dict()
    with speed_up_training(model) as speed_up:
        assert list(model.state_dict()) == before[1]
        assert model.config._attn_implementation != "sdpa"
        assert any(type(module) is ByteDropout for module in model.modules())
        assert "dropout" in str(speed_up) and "attention" in str(speed_up)
    assert (repr(model), list(model.state_dict()), model.config.to_dict()) == before
    assert model.config._attn_implementation == "sdpa"
    assert not model.bert.embeddings._forward_hooks
    assert all(type(module) is not ByteDropout for module in model.modules())


def test_a_model_saved_meanwhile_is_a_plain_one(tmp_path):
    model = network()
    model.save_pretrained(tmp_path / "plain")
    with speed_up_training(model):
        model.save_pretrained(tmp_path / "fast")
    plain, fast = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("plain", "fast"))
    assert plain == fast
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "fast")
    assert loaded.config._attn_implementation == "sdpa"
    assert torch.equal(loaded(**batch()).logits, model.eval()(**batch()).logits)


def test_eager_attention_stays_eager():
    model = network()
    model.set_attn_implementation("eager")
    with speed_up_training(model):
        assert model(**batch(), output_attentions=True).attentions[0].shape == (4, 2, 9, 9)
    assert model.config._attn_implementation == "eager"


def test_under_peft_the_network_inside_is_sped_up():
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(network(), LoraConfig(target_modules=["query"], lora_dropout=0.1, task_type="SEQ_CLS"))
    with speed_up_training(model):
        assert model.base_model.model.config._attn_implementation != "sdpa"
        model(**batch()).loss.backward()
    assert model.base_model.model.config._attn_implementation == "sdpa"


def test_a_plain_module_and_a_slow_cpu_are_left_alone(monkeypatch):
    with speed_up_training(nn.Linear(2, 2)) as speed_up:
        assert not any("attention" in line for line in speed_up.done)
    monkeypatch.setattr(models.fast_cpu, "cpu_has_fast_bf16", lambda: False)
    model = network()
    with speed_up_training(model) as speed_up:
        assert speed_up.done == []
        assert all(type(module) is not ByteDropout for module in model.modules())
