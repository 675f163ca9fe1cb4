import json
import shutil
import string
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    DistilBertConfig,
    GPT2Config,
    GPT2Model,
    GPT2Tokenizer,
)

from cli.errors import UserError
from data.batching import PadToLongest
from models.loading import check_max_length, load_classifier, load_tokenizer, resolve_model, set_dropout

NAMES = ["NEGATIVE", "POSITIVE"]


@pytest.fixture
def tiny_gpt2(tmp_path):
    """A saved GPT-2 with two layers, and a tokenizer of letters and the space without a padding token, as GPT-2's."""
    letters = [*string.ascii_lowercase, "\u0120", "<|endoftext|>"]
    GPT2Tokenizer(vocab={letter: index for index, letter in enumerate(letters)}, merges=[]).save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=28, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=27, eos_token_id=27)
    GPT2Model(config).save_pretrained(tmp_path)
    return str(tmp_path)


def copy_without(folder, target, *left_out):
    for path in folder.iterdir():
        if path.name not in left_out:
            (target / path.name).write_bytes(path.read_bytes())


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
    load_tokenizer(str(tiny_bert)).save_pretrained(tmp_path)
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
    copy_without(tiny_bert, tmp_path, "model.safetensors")
    torch.save(load_classifier(str(tiny_bert), NAMES).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        load_classifier(str(tmp_path), NAMES)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A Hub at whose address nobody listens, and an empty cache, whose folder it is."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize("name", ["nonsense", "someone/no-such-model"])
def test_an_unreachable_hub_is_one_line_at_once(no_network, name):
    start = time.perf_counter()
    with pytest.raises(UserError, match=r"no folder, and the Hub, which cannot be reached.* --model embedded works"):
        load_classifier(name, NAMES)
    assert time.perf_counter() - start < 5


def test_a_model_of_the_hub_is_read_from_its_cache_at_once(no_network, tiny_classifier):
    repository = no_network / "models--someone--tiny"
    shutil.copytree(tiny_classifier, repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    start = time.perf_counter()
    assert load_classifier("someone/tiny", NAMES).config.id2label[1] == "POSITIVE"
    assert time.perf_counter() - start < 5


def test_a_name_that_no_model_can_have_is_a_missing_folder():
    with pytest.raises(UserError, match="my run: there is no such folder"):
        load_classifier("my run", NAMES)


@pytest.mark.parametrize("load", [load_tokenizer, lambda name: load_classifier(name, NAMES)])
def test_a_folder_without_a_vocabulary_is_named(tiny_bert, tmp_path, load):
    copy_without(tiny_bert, tmp_path, "vocab.txt", "tokenizer.json")
    with pytest.raises(UserError, match=r"knows 5 tokens, its network 27: put the tokenizer's files"):
        load(str(tmp_path))


@pytest.mark.parametrize("left", [0, 5, 2_000])
def test_broken_weights_are_one_line(tiny_bert, tmp_path, left):
    copy_without(tiny_bert, tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    with pytest.raises(UserError, match="cannot load the model .*header") as error:
        load_classifier(str(tmp_path), NAMES)
    assert "\n" not in str(error.value)


def test_logits_of_a_decoder_do_not_depend_on_the_padding(tiny_gpt2):
    tokenizer, model = load_tokenizer(tiny_gpt2), load_classifier(tiny_gpt2, NAMES).eval()
    assert model.config.pad_token_id == tokenizer.pad_token_id == tokenizer.eos_token_id == 27
    rows = [{"input_ids": tokenizer(text)["input_ids"]} for text in ("good", "a dull film", "fine")]
    together = model(**PadToLongest(pad_token_id=tokenizer.pad_token_id)(rows)).logits
    alone = torch.cat([model(input_ids=torch.tensor([row["input_ids"]])).logits for row in rows])
    torch.testing.assert_close(together, alone)


def test_a_decoder_pads_as_its_tokenizer_whatever_its_config_says(tiny_gpt2):
    config = AutoConfig.from_pretrained(tiny_gpt2)
    config.pad_token_id = 7
    config.save_pretrained(tiny_gpt2)
    assert load_classifier(tiny_gpt2, NAMES).config.pad_token_id == 27


def test_a_tokenizer_that_cannot_pad_is_one_line(tiny_gpt2):
    path = Path(tiny_gpt2) / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"eos_token": None}))
    with pytest.raises(UserError, match="no padding token: set pad_token"):
        load_tokenizer(tiny_gpt2)


SIZES = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "vocab_size": 30,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 1,
}
LONGEST = {
    "bert": 20,
    "distilbert": 20,
    "gpt2": 20,
    "opt": 20,
    "camembert": 18,
    "mpnet": 18,
    "roberta": 18,
    "roberta-prelayernorm": 18,
    "xlm-roberta": 18,
}


@pytest.mark.parametrize("kind", LONGEST)
def test_what_fits_is_what_the_network_reads(kind):
    sizes = SIZES | ({"ffn_dim": 8, "word_embed_proj_dim": 8} if kind == "opt" else {})
    config = AutoConfig.for_model(kind, **sizes, max_position_embeddings=20)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    longest = LONGEST[kind]
    check_max_length(config, longest)
    model(input_ids=torch.full((1, longest), 5))
    with pytest.raises(UserError, match=f"--max_length is {longest + 1}, but .* reads at most {longest} tokens"):
        check_max_length(config, longest + 1)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, longest + 1), 5))


def test_the_network_that_is_too_short_is_named(tiny_bert):
    config = load_classifier(str(tiny_bert), NAMES).config
    with pytest.raises(UserError, match=f"but {tiny_bert} reads at most 128 tokens"):
        check_max_length(config, 129)


@pytest.mark.parametrize("kind", ["bloom", "t5", "xlnet"])
def test_networks_without_absolute_positions_read_any_length(kind):
    check_max_length(AutoConfig.for_model(kind), 100_000)
