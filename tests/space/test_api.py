import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from gradio.state_holder import SessionState

import space.tabs
from eval.attribution import attribute
from eval.calibration import apply_temperature
from space.app import build, serve
from space.clinic import Clinic
from space.tabs import predict

TEXT = "the film is good and the plot is dull"
TEMPERATURE, THRESHOLD = 2.0, 0.9


@pytest.fixture(scope="module")
def clinic(tiny_classifier, tmp_path_factory, calibrate):
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_classifier, runs / "tiny")
    calibrate(runs / "tiny", temperature=TEMPERATURE, abstention_threshold=THRESHOLD)
    return Clinic(str(runs / "tiny"), runs)


@pytest.fixture(scope="module")
def root(clinic):
    patch = pytest.MonkeyPatch()
    patch.setattr(space.tabs, "TAB_NAMES", ("predict",))
    page = build(clinic)
    yield serve(page, wait=False) + "gradio_api"
    page.close()
    patch.undo()


def run(root: str, name: str, *data) -> httpx.Response:
    return httpx.post(f"{root}/run/{name}", json={"data": list(data)}, timeout=30)


def test_a_request_without_a_session_leaves_none_behind(root, monkeypatch):
    made = []
    monkeypatch.setattr(SessionState, "__init__", lambda self, blocks: made.append(self))
    run(root, "predict", TEXT).raise_for_status()
    assert through_queue(root, "predict", TEXT)[0] == "event: complete"
    assert made == []


def through_queue(root: str, name: str, *data) -> list[str]:
    """The lines of the event stream."""
    event = httpx.post(f"{root}/call/{name}", json={"data": list(data)}, timeout=30).json()["event_id"]
    return httpx.get(f"{root}/call/{name}/{event}", timeout=30).text.splitlines()


def test_predict_gives_calibrated_and_raw_probabilities(root, clinic):
    answer = run(root, "predict", TEXT).json()["data"][0]
    raw = clinic.predictor().predict([TEXT]).probabilities
    label = int(raw.argmax())
    assert answer["label"] == ("NEGATIVE", "POSITIVE")[label]
    assert answer["probability"] == pytest.approx(apply_temperature(raw, TEMPERATURE)[0, label])
    assert list(answer["raw_probabilities"].values()) == pytest.approx(raw[0])
    assert answer["not_sure"] is (answer["probability"] < THRESHOLD)
    assert (answer["tokens"], answer["unknown_tokens"], answer["truncated"]) == (11, 0, False)


def test_predict_says_what_it_could_not_read(root):
    answer = run(root, "predict", "good \U0001f3ac " * 200).json()["data"][0]
    assert answer["truncated"] is True and answer["tokens"] == 128 and answer["unknown_tokens"] == 63


def test_the_queue_gives_the_same(root):
    direct = run(root, "predict", TEXT).json()["data"]
    lines = through_queue(root, "predict", TEXT)
    assert lines[0] == "event: complete" and json.loads(lines[1].removeprefix("data: ")) == direct


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_x_input"])
def test_explain_gives_a_score_for_every_token(root, clinic, method):
    answer = run(root, "explain", TEXT, method).json()["data"][0]
    expected = attribute(clinic.predictor(), TEXT, method)
    assert answer["tokens"] == list(expected.tokens) and answer["method"] == method
    assert np.allclose(answer["scores"], expected.scores, atol=1e-5)
    assert answer["comprehensiveness"] == pytest.approx(expected.comprehensiveness, abs=1e-5)


def test_sixteen_clients_get_their_own_answers(root):
    counts = list(range(1, 33))
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda count: run(root, "predict", "good " * count).json()["data"][0], counts)
        # With [CLS] and [SEP].
        assert [answer["tokens"] for answer in answers] == [count + 2 for count in counts]


def test_a_bad_text_among_sixteen_fails_alone(root):
    texts = ["good film", "", "bad film", 7, "dull film"] * 4
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda text: run(root, "predict", text).status_code, texts))
    assert statuses == [200, 500, 200, 500, 200] * 4


@pytest.mark.parametrize("name", ["predict", "explain"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "type a sentence first"),
        (" \u200b\x07 ", "type a sentence first"),
        ("a" * 20_001, "the text has 20,001 characters: cut it to 20,000"),
        ("good " * 210_000, "the text has 1,050,000 characters: cut it to 20,000"),
        (None, "the text must be a string, not NoneType"),
        (["good"], "the text must be a string, not list"),
        ("good \ud800", "text 1 of 1 holds half a character (a lone surrogate): read the texts as UTF-8"),
    ],
    ids=["empty", "invisible", "long", "megabyte", "none", "list", "surrogate"],
)
def test_what_is_no_text_is_one_line(root, name, text, line):
    # httpx itself would refuse a lone surrogate.
    body, headers = (
        json.dumps({"data": [text] if name == "predict" else [text, "gradient_x_input"]}),
        {"Content-Type": "application/json"},
    )
    response = httpx.post(f"{root}/run/{name}", content=body, headers=headers, timeout=30)
    assert response.status_code == 500
    assert response.json()["error"] == line


def test_a_method_left_out_is_the_default(root):
    whole = run(root, "explain", TEXT, "integrated_gradients").json()["data"]
    assert run(root, "explain", TEXT).json()["data"] == whole
    assert json.loads(through_queue(root, "explain", TEXT)[1].removeprefix("data: ")) == whole
    assert run(root, "explain").status_code == 500


@pytest.mark.parametrize(("method", "kind"), [(None, "NoneType"), (["x"], "list"), ({"a": 1}, "dict"), (7, "int")])
def test_a_method_that_is_no_string_is_one_line(root, method, kind):
    assert run(root, "explain", TEXT, method).json()["error"] == f"the method must be a string, not {kind}"


def test_at_most_128_tokens_are_scored(root, monkeypatch):
    assert run(root, "explain", TEXT).json()["data"][0]["truncated"] is False
    monkeypatch.setattr(predict, "MOST_SCORED", 6)
    answer = run(root, "explain", TEXT).json()["data"][0]
    assert answer["tokens"] == ["[CLS]", *TEXT.split()[:4], "[SEP]"] and answer["truncated"] is True
    assert run(root, "explain", "the film is good").json()["data"][0]["truncated"] is False
    assert run(root, "predict", TEXT).json()["data"][0]["tokens"] == 11


def test_an_unknown_method_is_one_line(root):
    found = run(root, "explain", TEXT, "<img src=x>").json()["error"]
    assert found == "the method is '<img src=x>': it is integrated_gradients or gradient_x_input"


def test_only_what_is_meant_to_be_public_is_shown(root):
    shown = httpx.get(f"{root}/info").json()
    assert set(shown["named_endpoints"]) == {"/predict", "/explain"} and shown["unnamed_endpoints"] == {}
    for endpoint in shown["named_endpoints"].values():
        assert endpoint["description"] and endpoint["parameters"][0]["parameter_name"] == "text"


def test_the_python_client(root):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(root.removesuffix("gradio_api"), verbose=False)
    assert client.predict(TEXT, api_name="/predict")["label"] in ("NEGATIVE", "POSITIVE")
    assert client.predict(TEXT, api_name="/explain")["method"] == "integrated_gradients"
    with pytest.raises(AppError, match="type a sentence first"):
        client.predict("  ", api_name="/predict")
