import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from cli.errors import UserError
from eval import predictor as module
from eval.predictor import NEAR_BOUNDARY, Predictions, Predictor, class_columns, longest_input, token_batches
from models.loading import load_classifier, load_tokenizer

ROOT = Path(__file__).parents[2]
NAMES = ["NEGATIVE", "POSITIVE"]
WORDS = [
    "good",
    "great",
    "lovely",
    "bad",
    "awful",
    "dull",
    "the",
    "a",
    "film",
    "is",
    "was",
    "and",
    "very",
    "this",
    "cast",
]
ROUNDING = {"fp32": 1e-5, "bf16": 1e-2}


def save(model, source: Path, folder: Path) -> str:
    model.save_pretrained(folder)
    load_tokenizer(str(source)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def classifier(tiny_bert, tmp_path_factory) -> str:
    """A folder with a random classifier whose answers reach from one class to the other."""
    torch.manual_seed(1)
    model = load_classifier(str(tiny_bert), NAMES)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.mul_(20 if "encoder" in name or "pooler" in name else 10)
    return save(model, tiny_bert, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 60))) for _ in range(150)]


@pytest.fixture(scope="module")
def plain(classifier):
    """The rival: the network asked for one text after the other."""
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    tokenizer = AutoTokenizer.from_pretrained(classifier)

    def predict(texts: list[str], **settings) -> np.ndarray:
        with torch.inference_mode():
            rows = [model(**tokenizer(text, return_tensors="pt", **settings)).logits for text in texts]
        return torch.cat(rows).double().softmax(-1).numpy()

    return predict


def equal(one: Predictions, other: Predictions, tolerance: float) -> None:
    assert one.probabilities == pytest.approx(other.probabilities, abs=tolerance)
    for name in ("tokens", "truncated", "unknown"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("precision", ROUNDING)
def test_every_text_gets_in_its_place_what_it_gets_alone(classifier, texts, plain, precision):
    predictions = Predictor.load(classifier, precision=precision).predict(texts)
    expected = plain(texts)
    assert np.ptp(expected[:, 1]) > 0.2
    assert predictions.probabilities == pytest.approx(expected, abs=2 * ROUNDING[precision])
    assert predictions.probabilities.dtype == np.float64
    assert predictions.tokens.tolist() == [len(text.split()) + 2 for text in texts]
    assert not predictions.truncated.any() and not predictions.unknown.any()


@pytest.mark.parametrize("precision", ROUNDING)
def test_logits_and_mean_states_are_those_of_a_text_alone(classifier, texts, precision):
    predictions = Predictor.load(classifier, precision=precision).predict(texts, states=True)
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    for row in range(0, len(texts), 25):
        with torch.inference_mode():
            given = tokenizer(texts[row], return_tensors="pt")
            mean = model.bert(**given).last_hidden_state[0].mean(0).numpy()
            logits = model(**given).logits[0].numpy()
        assert predictions.states[row] == pytest.approx(mean, abs=10 * ROUNDING[precision])
        assert predictions.logits[row] == pytest.approx(logits, abs=10 * ROUNDING[precision])
    assert predictions.states.dtype == np.float32 and predictions.states.shape == (len(texts), 16)


def test_states_asked_for_from_many_threads_are_each_ones_own(classifier, texts):
    predictor = Predictor.load(classifier, precision="fp32")
    expected = predictor.predict(texts, states=True).states
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: predictor.predict([texts[row]], states=row % 3 > 0), range(60)))
    for row, prediction in enumerate(found):
        assert (prediction.states is None) == (row % 3 == 0)
        if prediction.states is not None:
            assert prediction.states[0] == pytest.approx(expected[row], abs=1e-4)
    assert not predictor.model.base_model._forward_hooks


def test_no_texts_have_no_states(classifier):
    assert len(Predictor.load(classifier, precision="fp32").predict([], states=True).states) == 0


@pytest.mark.parametrize("precision", ROUNDING)
def test_a_probability_does_not_depend_on_the_neighbours(classifier, texts, precision):
    predictor = Predictor.load(classifier, precision=precision)
    together = predictor.predict(texts).probabilities
    alone = np.concatenate([predictor.predict([text]).probabilities for text in texts])
    shuffled = np.random.default_rng(0).permutation(len(texts))
    other_order = predictor.predict([texts[row] for row in shuffled]).probabilities
    assert together == pytest.approx(alone, abs=ROUNDING[precision])
    assert together[shuffled] == pytest.approx(other_order, abs=ROUNDING[precision])


def test_rows_near_the_boundary_are_those_of_fp32(classifier, texts):
    exact = Predictor.load(classifier, precision="fp32").predict(texts).probabilities
    predictor = Predictor.load(classifier, precision="bf16")
    # The median row is put on the boundary.
    shift = np.median(np.log(exact[:, 1] / exact[:, 0]))
    with torch.no_grad():
        for model in (predictor.model, predictor._fast_model):
            model.classifier.bias += torch.tensor([shift, 0.0])
    logits = np.log(exact) + np.array([shift, 0])
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    ids, _ = predictor._token_ids(texts)
    in_bf16 = module._softmax(predictor._outputs(predictor._fast_model, ids, "bf16", False)[0])
    near = np.abs(in_bf16[:, 1] - 0.5) < NEAR_BOUNDARY
    predicted = predictor.predict(texts).probabilities
    assert near.any() and np.abs(in_bf16 - exact)[near].max() > 1e-4
    assert predicted[near] == pytest.approx(exact[near], abs=1e-5)
    assert np.array_equal(predicted[~near], in_bf16[~near])
    assert np.array_equal(predicted[:, 1] > 0.5, exact[:, 1] > 0.5)


def test_memory_is_bounded_by_windows_that_change_nothing(classifier, texts, monkeypatch):
    predictor = Predictor.load(classifier, precision="fp32")
    expected = predictor.predict(texts)
    seen = []
    token_ids = predictor._token_ids
    monkeypatch.setattr(predictor, "_token_ids", lambda texts: seen.append(len(texts)) or token_ids(texts))
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 40)
    equal(predictor.predict(texts), expected, 1e-5)
    assert seen == [40, 40, 40, 30]


def test_no_texts_are_no_rows(classifier):
    predictions = Predictor.load(classifier).predict([])
    assert predictions.probabilities.shape == (0, 2)
    assert len(predictions.tokens) == len(predictions.truncated) == len(predictions.unknown) == 0


def test_only_a_text_longer_than_the_network_reads_is_truncated(classifier, plain):
    lengths = (125, 126, 127, 400)
    texts = [" ".join(WORDS[number % 7] for number in range(length)) for length in lengths]
    predictor = Predictor.load(classifier, precision="fp32")
    predictions = predictor.predict(texts)
    assert predictor.max_length == 128
    assert predictions.tokens.tolist() == [127, 128, 128, 128]
    assert predictions.truncated.tolist() == [False, False, True, True]
    assert predictions.probabilities == pytest.approx(plain(texts, truncation=True, max_length=128), abs=1e-5)


def test_a_typed_special_token_is_text(classifier):
    predictor = Predictor.load(classifier)
    predictions = predictor.predict(["good film", "good [SEP] film"])
    assert predictions.tokens.tolist() == [4, 7]
    assert predictions.unknown.tolist() == [0, 3]
    assert predictor.tokenise("a [MASK]").special.tolist() == [True, False, False, False, False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text 2 of 3 is empty"),
        (" \n\t", "text 2 of 3 is empty"),
        ("\u200b\ufeff", "text 2 of 3 is empty"),
        (None, "text 2 of 3 is no text but NoneType"),
        (3.5, "text 2 of 3 is no text but float"),
        ("good \ud83d", "text 2 of 3 holds half a character"),
    ],
)
def test_what_is_no_text_is_named(classifier, text, message):
    with pytest.raises(UserError, match=message) as error:
        Predictor.load(classifier).predict(["good", text, "bad"])
    assert "\n" not in str(error.value)


def test_one_string_is_no_list_of_texts(classifier):
    with pytest.raises(TypeError, match="pass a list"):
        Predictor.load(classifier).predict("good")


def test_a_network_of_nan_is_named(classifier):
    predictor = Predictor.load(classifier)
    with torch.no_grad():
        predictor._fast_model.bert.embeddings.LayerNorm.weight.fill_(torch.nan)
    with pytest.raises(UserError, match="the model answers NaN"):
        predictor.predict(["good"])


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("NEGATIVE", "POSITIVE"), [0, 1]),
        (("Positive", "Negative"), [1, 0]),
        (("pos", "neg"), [1, 0]),
        (("LABEL_0", "LABEL_1"), [0, 1]),
        (("label_1", "label_0"), [1, 0]),
        (("1", "0"), [1, 0]),
        (("bad", "good"), [0, 1]),
        (("POSITIVE", "other"), [1, 0]),
        (("other", "POSITIVE"), [0, 1]),
    ],
)
def test_the_columns_follow_the_names(names, columns):
    assert class_columns(SimpleNamespace(id2label=dict(enumerate(names)))) == columns


def test_a_network_that_counts_the_other_way_round_says_the_same(classifier, tmp_path, texts):
    model = load_classifier(classifier, ["POSITIVE", "NEGATIVE"])
    with torch.no_grad():
        for parameter in (model.classifier.weight, model.classifier.bias):
            parameter.copy_(parameter.flip(0))
    other = Predictor.load(save(model, Path(classifier), tmp_path), precision="fp32")
    equal(other.predict(texts), Predictor.load(classifier, precision="fp32").predict(texts), 1e-5)


def test_an_encoder_without_a_head_is_no_classifier(tiny_bert):
    with pytest.raises(UserError, match="holds no classifier"):
        Predictor.load(str(tiny_bert))


@pytest.mark.parametrize(("names", "said"), [(["a"], "has 1 class:"), (["a", "b", "c"], "has 3 classes:")])
def test_another_number_of_classes_is_named(tiny_bert, tmp_path, names, said):
    folder = save(load_classifier(str(tiny_bert), names), tiny_bert, tmp_path)
    with pytest.raises(UserError, match=said):
        Predictor.load(folder)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UserError, match="holds no config.json"):
        Predictor.load(str(tmp_path))


def test_an_unknown_precision_is_named(classifier):
    with pytest.raises(ValueError, match="fp8"):
        Predictor.load(classifier, precision="fp8")


@pytest.mark.parametrize("fast", [True, False])
def test_bf16_where_the_cpu_has_it(classifier, monkeypatch, fast):
    monkeypatch.setattr(module, "cpu_has_fast_bf16", lambda: fast)
    assert Predictor.load(classifier, device="cpu").precision == ("bf16" if fast else "fp32")


def test_the_network_itself_stays_as_it_was(classifier):
    expected = AutoModelForSequenceClassification.from_pretrained(classifier).state_dict()
    predictor = Predictor.load(classifier, precision="bf16")
    predictor.predict(["good film"])
    for name, parameter in predictor.model.state_dict().items():
        assert torch.equal(parameter, expected[name]), name
    fast = predictor._fast_model
    assert fast.bert.encoder.layer[0].output.dense.weight.dtype == torch.bfloat16
    assert fast.get_input_embeddings().weight is predictor.model.get_input_embeddings().weight


def test_threads_are_settable(classifier):
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            Predictor.load(classifier, threads=threads)
            assert torch.get_num_threads() == threads
        Predictor.load(classifier)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("kind", "settings", "tokens"),
    [
        ("bert", {"max_position_embeddings": 512}, 512),
        ("roberta", {"max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ("xlnet", {}, module.LONGEST),
        ("t5", {}, module.LONGEST),
    ],
)
def test_the_longest_input_of_a_network(kind, settings, tokens):
    assert longest_input(AutoConfig.for_model(kind, **settings)) == tokens


def test_a_tokenizer_may_set_the_lower_limit(classifier, tmp_path):
    folder = save(load_classifier(classifier, NAMES), Path(classifier), tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 10}))
    predictions = Predictor.load(folder).predict(["good " * 8, "good " * 9])
    assert predictions.tokens.tolist() == [10, 10]
    assert predictions.truncated.tolist() == [False, True]


@pytest.mark.parametrize("budget", [1, 64, 1024])
def test_batches_hold_every_row_once_within_the_budget(budget):
    lengths = np.random.default_rng(0).integers(1, 300, size=500)
    batches = list(token_batches(lengths, budget))
    assert sorted(np.concatenate(batches)) == list(range(500))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= budget for batch in batches)
    assert np.all(np.diff(lengths[np.concatenate(batches)]) <= 0)


def test_attentions_are_those_of_the_eager_network(classifier):
    predictor = Predictor.load(classifier, precision="bf16")
    tokens, layers = predictor.attentions("good film")
    assert tokens == ("[CLS]", "good", "film", "[SEP]")
    eager = AutoModelForSequenceClassification.from_pretrained(classifier, attn_implementation="eager").eval()
    with torch.inference_mode():
        expected = eager(input_ids=predictor.tokenise("good film").ids, output_attentions=True).attentions
    assert len(layers) == len(expected) == 2
    for layer, rival in zip(layers, expected, strict=True):
        assert layer.shape == (2, 4, 4) and layer.dtype == np.float32
        assert layer == pytest.approx(rival[0].numpy(), abs=1e-6)
    assert predictor.model.config._attn_implementation == "sdpa"


def test_a_text_knows_where_its_tokens_stand(classifier):
    text = "A good film"
    tokenised = Predictor.load(classifier).tokenise(text)
    assert [text[start:stop] for start, stop in tokenised.offsets] == ["", "A", "good", "film", ""]
    assert tokenised.special.tolist() == [True, False, False, False, True]


def test_threads_do_not_disturb_each_other(classifier, texts):
    predictor = Predictor.load(classifier)
    long = ["good " * 300]
    expected = [predictor.predict(texts[start::8]).probabilities for start in range(8)]
    expected_long = predictor.predict(long).probabilities

    def ask(number: int) -> None:
        if number % 4 == 0:
            assert predictor.predict(long).probabilities == pytest.approx(expected_long, abs=1e-2)
            predictor.attentions("good film")
        assert predictor.predict(texts[number % 8 :: 8]).probabilities == pytest.approx(expected[number % 8], abs=1e-2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(64)))


TWO_PROCESSES = """
import sys
import numpy as np
from torch import distributed
from eval.predictor import Predictor

distributed.init_process_group("gloo")
assert distributed.get_world_size() == 2
predictor = Predictor.load(sys.argv[1], threads=1, precision="fp32")
asked, inner = [], predictor._predict
predictor._predict = lambda texts, states: asked.extend(texts) or inner(texts, states)
texts = open(sys.argv[2]).read().splitlines()
for number, rows in enumerate((texts, texts[:1], [])):
    asked.clear()
    predictions = predictor.predict(rows)
    assert len(asked) == len(rows[distributed.get_rank()::2])
    np.savez(f"{sys.argv[3]}/{distributed.get_rank()}-{number}", probabilities=predictions.probabilities,
             tokens=predictions.tokens, truncated=predictions.truncated, unknown=predictions.unknown)
distributed.destroy_process_group()
"""


@pytest.mark.multiprocess
def test_two_processes_share_the_rows_and_both_get_all(classifier, texts, tmp_path):
    texts = [*texts[:50], "good " * 200, "unheard of"]
    (tmp_path / "script.py").write_text(TWO_PROCESSES)
    (tmp_path / "texts").write_text("\n".join(texts))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29611"]
    command += [str(tmp_path / "script.py"), classifier, str(tmp_path / "texts"), str(tmp_path)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    predictor = Predictor.load(classifier, precision="fp32")
    for number, rows in enumerate((texts, texts[:1], [])):
        expected = predictor.predict(rows)
        for rank in range(2):
            equal(Predictions(**np.load(tmp_path / f"{rank}-{number}.npz")), expected, 1e-5)
