import csv
import io
import json
import math
import shutil

import httpx
import pytest

import space.tabs
from cli.errors import UserError
from eval import diagnose
from eval.diagnosis.reading import read_history
from space import log_lines
from space.app import build, serve
from space.batch import MOST_BYTES
from space.clinic import Clinic
from space.diagnosis_view import diagnosis_html
from space.judged import judge_file, judge_text
from space.log_upload import EXAMPLES, FOLDER, answer

HOSTILE = '<img src=x onerror="window.hacked = 1">'


def text_of(rows) -> str:
    file, rows = io.StringIO(), list(rows)
    table = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    return file.getvalue()


def overfitted(points=24, **more) -> str:
    """Curves whose evaluation loss is lowest at step 80."""
    return text_of(
        {
            "step": 10 * number,
            "train_loss": 0.7 * math.exp(-number / 10),
            "eval_loss": 0.4 + (number - 8) ** 2 / 500,
            "wer": 30 + (number - 8) ** 2 / 10,
        }
        | more
        for number in range(1, points)
    )


def drawn(plot) -> dict:
    return json.loads(plot.value["plot"])


def unordered() -> str:
    """Gradients by layers whose names do not tell where the input is; they fall by 4 a layer."""
    layers = ["stem", "neck", "body", "tail", "leg", "foot"]
    return text_of(
        {"step": step, "layer": name, "norm": 4.0**-place} for step in range(1, 9) for place, name in enumerate(layers)
    )


def saved(folder, text: str | bytes, name="log.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_says_what_the_command_says(name, capsys):
    diagnose.main([str(FOLDER / name)])
    told = capsys.readouterr().out.splitlines()[0]
    diagnosis, _, report, loss, metrics, norms, profile = answer(FOLDER / name, None)
    verdict = next(words for words, path in EXAMPLES.items() if path == name).lower()
    assert told.startswith(verdict)
    assert f"<strong>{verdict}</strong>{told.removeprefix(verdict)}</p>" in diagnosis.value
    # The report names the file alone, not where it lies here.
    assert str(FOLDER) not in report and f"python eval/diagnose.py {name.split('/')[1]}" in report
    by_layer = verdict == "vanishing gradients"
    assert [plot.visible for plot in (loss, metrics, norms, profile)] == [not by_layer] * 2 + [by_layer] * 2


def test_notes_causes_and_what_to_log_are_told_and_escaped(tmp_path):
    judged = judge_file(saved(tmp_path, overfitted() + "1,2,3,4,5,6\n", f"{HOSTILE[:14]}.csv"))
    html = diagnosis_html(judged)
    assert "Note: lines with more values than the header has names are left out." in html
    assert "Ruled out" in html and "To know more, log" in html
    assert "<img" not in html + answer(tmp_path / f"{HOSTILE[:14]}.csv", None)[2]
    assert "<em>for:</em>" in diagnosis_html(judge_file(FOLDER / EXAMPLES["Overfitting"]))
    # Without evidence enough, what to log stands open.
    assert "<details open><summary>To know more" in diagnosis_html(judge_text("step,loss\n1,0.5\n"))


def test_onsets_stand_on_the_curves_of_a_log(tmp_path):
    _, _, _, loss, metrics, norms, profile = answer(saved(tmp_path, overfitted()), None)
    assert [drawn(plot)["layout"]["shapes"][0]["x0"] for plot in (loss, metrics)] == [80, 80]
    assert [trace["name"] for trace in drawn(metrics)["data"]] == ["wer"]
    assert not norms.visible and not profile.visible


def test_a_log_in_epochs_is_drawn_against_epochs(tmp_path):
    losses = [0.7 * math.exp(-number / 10) for number in range(20)]
    path = saved(tmp_path, json.dumps({"loss": losses, "val_loss": [0.1 + loss for loss in losses]}), "history.json")
    loss = drawn(answer(path, None)[3])
    assert loss["layout"]["xaxis"]["title"]["text"] == "epoch" and loss["data"][0]["x"][-1] == 20


def test_long_curves_are_thinned_and_keep_what_is_no_number(tmp_path):
    rows = [{"step": step, "loss": "nan" if step == 7777 else 1 / step} for step in range(1, 20_001)]
    lines = log_lines.lines_of(read_history(saved(tmp_path, text_of(rows))))
    assert len(lines) == log_lines.POINTS + 1
    assert [line["step"] for line in lines if not math.isfinite(line["loss"])] == [7777]
    assert sorted(line["step"] for line in lines) == [line["step"] for line in lines]


def test_layers_and_records_are_thinned_in_their_order(tmp_path):
    rows = [
        {"step": step, "layer": layer, "norm": 1.0}
        for step in range(300)
        for layer in range(200)
        if (step, layer) != (0, 0)
    ]
    records = log_lines.lines_of(read_history(saved(tmp_path, text_of(rows))))
    assert len(records) == 120 and records[0]["step"] == 0 and records[-1]["step"] == 299
    layers = list(records[0]["layers"])
    assert len(layers) == 120 and layers == sorted(layers, key=int) and layers[-1] == "199"
    assert records[0]["layers"]["0"] == {} and records[1]["layers"]["0"] == {"norm": 1.0}


def test_metrics_of_one_size_share_the_chart():
    rows = [
        {"step": n, "loss": 1 / n, "eval_loss": 1 / n, "eval_accuracy": 0.8, "eval_f1": 0.7, "eval_bleu": 30.0}
        | {"eval_mlm_loss": 0.5}
        for n in range(1, 9)
    ]
    assert log_lines.metrics_alike(judge_text(text_of(rows)).history) == ["f1", "accuracy"]
    assert log_lines.metrics_alike(judge_text("step,loss\n1,0.5\n").history) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty.csv is empty"),
        ("cut.json", b'{"log_history": [{"step": 1, "lo', "cut.json is cut off or not valid JSON"),
        ("words.txt", b"The film is good.\nIt is.\n", "words.txt has no column of a training log"),
        ("picture.csv", b"\x89PNG\x00\x01", "picture.csv is no text"),
        ("huge.csv", b"step,loss\n" + b"1,0.5\n" * (MOST_BYTES // 6), "huge.csv is larger than 2 MB"),
        ("deep.json", b"[" * 100_000, "deep.json is no training log"),
        ("layers.csv", unordered().encode(), "layers.csv does not tell where its layers begin"),
    ],
    ids=["empty", "cut", "words", "picture", "huge", "deep", "layers"],
)
def test_what_is_no_log_is_one_line(tmp_path, name, content, words):
    path = saved(tmp_path, content, name)
    with pytest.raises(UserError) as raised:
        judge_file(path)
    assert str(raised.value).startswith(words) and "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_log_that_is_gone_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"^log.csv is not there any more: upload it again$"):
        judge_file(tmp_path / "log.csv")


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Where the tab is served, without a run; uploads go under tmp_path."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("training",))
    page = build(Clinic("none", tmp_path))
    yield serve(page, wait=False)
    page.close()


def ask(address: str, *data) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/run/diagnose", json={"data": list(data)}, timeout=30)


def test_programs_get_what_the_command_prints(tmp_path, address, capsys):
    diagnose.main([str(saved(tmp_path, overfitted())), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == "overfitting"
    assert ask(address, overfitted()).json()["data"] == [printed]
    assert ask(address, unordered(), "output").json()["data"][0]["verdict"] == "vanishing_gradients"
    shown = httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]
    assert list(shown) == ["/diagnose"]
    assert [each["parameter_name"] for each in shown["/diagnose"]["parameters"]] == ["log", "order"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (["  \n"], "the log is empty: give a log with something in it"),
        ([None], "the log must be a string, not NoneType: give the text of the file"),
        ([overfitted(), "sideways"], "the order is 'sideways': it is input or output"),
        (["\ud800"], "the log has no column of a training log"),
    ],
)
def test_what_programs_get_wrong_is_one_line(address, data, line):
    body = json.dumps({"data": data})
    headers = {"Content-Type": "application/json"}
    answered = httpx.post(f"{address}gradio_api/run/diagnose", content=body, headers=headers, timeout=30)
    assert answered.status_code == 500 and answered.json()["error"].startswith(line)


def test_an_upload_that_is_a_path_is_neither_read_nor_deleted(tmp_path, address):
    path = saved(tmp_path, overfitted())
    shown = httpx.get(f"{address}config").json()["dependencies"]
    number = next(each["id"] for each in shown if [event for _, event in each["targets"]] == ["upload"])
    upload = {"path": str(path), "orig_name": "log.csv", "meta": {"_type": "gradio.FileData"}}
    body = {"fn_index": number, "session_hash": "s", "data": [upload]}
    httpx.post(f"{address}gradio_api/queue/join", json=body).raise_for_status()
    stream = httpx.get(f"{address}gradio_api/queue/data", params={"session_hash": "s"}, timeout=60).text
    assert '"success":false' in stream and "overfitting" not in stream and path.is_file()


def uploads(folder) -> list:
    return [path for path in (folder / "uploads").rglob("*.csv") if path.stat().st_size]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_an_upload_is_judged_and_deleted(tmp_path, address, new_page, width):
    page = new_page(width=width)
    page.goto(f"{address}?tab=training")
    page.get_by_role("tab", name="A log from elsewhere").click()
    file = page.locator("input[type=file]")
    file.set_input_files(saved(tmp_path, overfitted(**{HOSTILE: 1.0}), "curves.csv"))
    headline = page.locator(".headline")
    headline.get_by_text("overfitting").wait_for()
    assert headline.inner_text().startswith("overfitting since step 80, severity")
    charts = page.locator(".js-plotly-plot:visible")
    charts.nth(1).locator(".annotation-text", has_text="overfitting").wait_for()
    assert charts.first.locator(".annotation-text", has_text="overfitting").count() == 1
    page.locator("summary", has_text="Ruled out").click()
    page.get_by_text("What would confirm it", exact=True).wait_for()
    page.get_by_role("button", name="Incident report").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download incident.md").click()
    report = download.value.path().read_text()
    assert download.value.suggested_filename == "incident.md" and report.startswith("# Overfitting in curves.csv")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/log-upload-{width}.png", full_page=True)
    assert uploads(tmp_path) == []

    # Another one, which asks for the order of its layers.
    file.set_input_files(saved(tmp_path, unordered(), "layers.csv"))
    page.get_by_text("layers.csv does not tell where its layers begin").wait_for()
    assert not headline.is_visible() and len(uploads(tmp_path)) == 1
    page.get_by_label("The first one lies next to the output").check()
    headline.get_by_text("vanishing gradients").wait_for()
    page.locator(".js-plotly-plot:visible .heatmaplayer image").wait_for(state="attached")
    assert not page.get_by_text("does not tell where").is_visible() and uploads(tmp_path) == []

    file.set_input_files(saved(tmp_path, "The film is good.", "words.txt"))
    page.get_by_text("words.txt has no column of a training log").wait_for()
    assert not headline.is_visible() and charts.count() == 0
    page.get_by_role("button", name="Plateau").click()
    headline.get_by_text("plateau").wait_for()
    assert page.evaluate("window.hacked") is None


@pytest.mark.browser
def test_flags_are_copied(tmp_path, address, new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    shutil.copy(FOLDER / EXAMPLES["Overfitting"], tmp_path / "trainer_state.json")
    page.goto(f"{address}?tab=training")
    page.get_by_role("tab", name="A log from elsewhere").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "trainer_state.json")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".diagnosis code").first.inner_text()
