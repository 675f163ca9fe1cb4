import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, DistilBertConfig, GPT2Config

from cli.errors import UserError
from models.loading import load_classifier, load_tokenizer, resolve_model, set_dropout

NAMES = ["NEGATIVE", "POSITIVE"]


def test_head_has_the_labels_names(tiny_bert):
    config = load_classifier(str(tiny_bert), NAMES).config
    assert config.id2label == {0: "NEGATIVE", 1: "POSITIVE"}
    assert config.label2id == {"NEGATIVE": 0, "POSITIVE": 1}


def test_encoder_keeps_its_weights(tiny_bert):
    plain = AutoModelForSequenceClassification.from_pretrained(tiny_bert)
    ours = load_classifier(str(tiny_bert), NAMES)
    for (name, a), b in zip(plain.bert.named_parameters(), ours.bert.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_another_number_of_labels_gets_a_new_head(tiny_bert, tmp_path):
    load_classifier(str(tiny_bert), ["a", "b", "c"]).save_pretrained(tmp_path)
    assert load_classifier(str(tmp_path), NAMES).classifier.out_features == 2


def test_dropout_reaches_every_module(tiny_bert):
    model = load_classifier(str(tiny_bert), NAMES, dropout=0.37)
    rates = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.37}


@pytest.mark.parametrize("config", [DistilBertConfig(), GPT2Config()])
def test_dropout_of_other_families(config):
    set_dropout(config, 0.25)
    rates = [getattr(config, key) for key in config.to_dict() if "dropout" in key or key.endswith("_pdrop")]
    assert rates and set(rates) == {0.25}


def test_embedded_weights_are_minilm():
    config = json.loads((Path(resolve_model("embedded")) / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"]) == (6, 384)


@pytest.mark.parametrize("load", [load_tokenizer, lambda name: load_classifier(name, NAMES)])
def test_a_folder_without_config_is_named(tmp_path, load):
    with pytest.raises(UserError, match="holds no config.json"):
        load(str(tmp_path))


def test_a_missing_folder_is_named():
    with pytest.raises(UserError, match="there is no such folder"):
        load_classifier("./nowhere", NAMES)


def test_pickled_weights_are_refused(tiny_bert, tmp_path):
    for path in tiny_bert.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save(load_classifier(str(tiny_bert), NAMES).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        load_classifier(str(tmp_path), NAMES)


def test_an_unreachable_hub_names_the_offline_way(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="--model embedded works"):
        load_classifier("someone/no-such-model", NAMES)
