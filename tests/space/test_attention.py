import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from cli.errors import UserError
from eval.predictor import Predictor
from models.loading import load_tokenizer
from space.attention import MOST_TOKENS, attention_page, displayed, frame, main, script_json

TEXT = "the film is very good"
LONG = " ".join(["the film is very good and the plot is dull"] * 8)


@pytest.fixture(scope="module")
def predictor(tiny_classifier):
    return Predictor.load(str(tiny_classifier))


def data(page) -> dict:
    """What bertviz is given to draw; whole thousandths."""
    return json.loads(re.search(r"window\.bertviz_params = (\{.*\});\n", page.html)[1])


def drawn(page) -> tuple[dict, list[str]]:
    (attention,) = data(page)["attention"].values()
    return {key: np.array(attention[key]) / 1000 for key in attention if "text" not in key}, attention["left_text"]


@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_a_page_holds_the_attention_of_the_model(predictor, view):
    tokens, layers = predictor.attentions(TEXT)
    values, shown = drawn(attention_page(predictor, TEXT, view))
    np.testing.assert_allclose(values["attn"], layers, atol=0.0005)
    assert shown == list(tokens)


@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_a_page_asks_for_nothing(predictor, view):
    page = attention_page(predictor, TEXT, view)
    # The addresses that bertviz gives to require.js are not followed: that is the browser test's matter.
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", page.html)
    assert "default-src 'none'" in page.html


def test_every_page_is_told_from_every_other(predictor):
    first, second = (attention_page(predictor, TEXT) for _ in range(2))
    assert first.run != second.run
    for page in (first, second):
        assert f'data-run="{page.run}"' in page.html
        assert data(page)["root_div_id"].endswith(page.run)
        assert f'id="attention-{page.run}"' in frame(page)


@pytest.mark.parametrize("view", ["head", "model", "neuron"])
def test_a_long_text_is_cut_and_the_page_says_so(predictor, view):
    tokens, layers = predictor.attentions(LONG)
    page = attention_page(predictor, LONG, view)
    most = MOST_TOKENS[view]
    values, shown = drawn(page)
    assert shown == list(tokens[:most])
    np.testing.assert_allclose(values["attn"], np.stack(layers)[..., :most, :most], atol=0.0005)
    assert f"first {most} of {len(tokens)} tokens" in page.notes[-1]
    assert page.notes[-1] in page.html


def test_hidden_tokens_are_gone_and_the_rest_is_rescaled(predictor):
    _, layers = predictor.attentions(TEXT)
    page = attention_page(predictor, TEXT, hide_special=True)
    values, shown = drawn(page)
    assert shown == TEXT.split()
    np.testing.assert_allclose(values["attn"].sum(-1), 1, atol=0.005)
    kept = np.stack(layers)[..., 1:-1, 1:-1]
    np.testing.assert_allclose(values["attn"], kept / kept.sum(-1, keepdims=True), atol=0.0005)
    assert f"{1 - kept.sum(-1).mean():.0%} of their attention" in page.notes[1]


def test_layers_and_heads_can_be_chosen(predictor):
    _, layers = predictor.attentions(TEXT)
    model = attention_page(predictor, TEXT, "model", layers=[1], heads=[0])
    np.testing.assert_allclose(drawn(model)[0]["attn"], layers[1][None, :1], atol=0.0005)
    assert data(model)["include_layers"] == [1]
    assert data(model)["include_heads"] == [0]
    neuron = attention_page(predictor, TEXT, "neuron", layers=[1], heads=[1])
    np.testing.assert_allclose(drawn(neuron)[0]["attn"], layers[1][None, 1:], atol=0.0005)
    head = attention_page(predictor, TEXT, "head", layers=[1], heads=[1])
    np.testing.assert_allclose(drawn(head)[0]["attn"], layers[1][None], atol=0.0005)
    assert (data(head)["layer"], data(head)["heads"]) == (1, [1])


def test_a_layer_that_is_not_there_is_one_line(predictor):
    with pytest.raises(UserError, match="there is no layer 2: the network has 2, counted from 0"):
        attention_page(predictor, TEXT, layers=[2])


def of_family(tiny_classifier, config, model) -> Predictor:
    torch.manual_seed(0)
    tokenizer = load_tokenizer(str(tiny_classifier))
    config = config(vocab_size=len(tokenizer), pad_token_id=0, num_labels=2)
    config.hidden_size, config.num_attention_heads, config.num_hidden_layers = 16, 2, 2
    network = model(config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 2:
                parameter.mul_(5)
    return Predictor(network, tokenizer)


@pytest.fixture(params=["bert", "roberta", "gpt2"])
def known(request, tiny_classifier, predictor):
    families = {
        "roberta": (RobertaConfig, RobertaForSequenceClassification),
        "gpt2": (GPT2Config, GPT2ForSequenceClassification),
    }
    return predictor if request.param == "bert" else of_family(tiny_classifier, *families[request.param])


@pytest.mark.parametrize("hide", [False, True])
def test_queries_and_keys_give_the_attention(known, hide):
    values, tokens = drawn(attention_page(known, TEXT, "neuron", hide_special=hide))
    scores = values["queries"] @ values["keys"].swapaxes(-1, -2) / np.sqrt(values["queries"].shape[-1])
    if known.model.config.model_type == "gpt2":
        scores = np.where(np.tri(len(tokens), dtype=bool), scores, -np.inf)
    expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(values["attn"], expected, atol=0.01)


def test_queries_and_keys_are_those_of_bertviz_own_network(predictor):
    from bertviz.transformers_neuron_view import BertConfig, BertModel

    config = predictor.model.config.to_dict()
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings")
    model = BertModel(BertConfig(config["vocab_size"], **{name: config[name] for name in names})).eval()
    weights = predictor.model.state_dict()
    model.load_state_dict({k.removeprefix("bert."): v for k, v in weights.items() if k.startswith("bert.")})
    with torch.inference_mode():
        layers = model(predictor.tokenise(TEXT).ids)[-1]
    values, _ = drawn(attention_page(predictor, TEXT, "neuron"))
    for key in ("attn", "queries", "keys"):
        np.testing.assert_allclose(values[key], [layer[key][0].numpy() for layer in layers], atol=0.0006)


def test_the_neuron_view_of_another_network_says_why_not(tiny_classifier):
    predictor = of_family(tiny_classifier, DistilBertConfig, DistilBertForSequenceClassification)
    with pytest.raises(UserError, match="of BERT, RoBERTa and GPT-2; this is distilbert"):
        attention_page(predictor, TEXT, "neuron")
    assert drawn(attention_page(predictor, TEXT, "head"))[1][0] == "[CLS]"


@pytest.mark.parametrize("text", ["</script><script>ran()</script>", "<!--<script>", "<img src=x onerror=ran()>"])
def test_a_text_cannot_leave_the_script(text):
    written = script_json([text])
    assert "<" not in written
    assert json.loads(written) == [text]


def test_what_has_no_shape_is_written_out():
    assert displayed("a\u202eb\x00") == "a\\u202eb\\u0000"
    assert displayed("Ġgood") == " good"
    assert displayed("##ing") == "##ing"


def test_importing_it_is_quick():
    code = "import sys, space.attention; print(*{'torch', 'bertviz', 'IPython', 'mpld3', 'gradio'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_the_command_writes_the_page(tiny_classifier, tmp_path, monkeypatch, capsys):
    out = tmp_path / "pages" / "attention.html"
    flags = ["--view", "model", "--heads", "1", "--hide_special", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["attention.py", str(tiny_classifier), "--text", TEXT, *flags])
    main()
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert '"include_heads":[1]' in page
    assert f"written to {out}" in capsys.readouterr().out
