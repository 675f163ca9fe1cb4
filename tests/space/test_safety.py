"""Hostile texts and files, in the browser and over HTTP: nothing runs, nothing crashes, the answer is clear."""

import csv
import io
import shutil
import zipfile

import httpx
import pytest

import space.tabs
from cli.errors import UserError
from space.app import build, serve
from space.clinic import Clinic

RUN = "window.hacked = 1"
PAYLOADS = [
    f"</script><script>{RUN}</script> good",
    f'<img src=x onerror="{RUN}"> good',
    f"<!--<script>{RUN}</script> good",
    f"[good](javascript:{RUN}) <a href='javascript:{RUN}'>film</a>",
    f"good ${{{RUN}}} {{{{constructor}}}}",
    "good \x00\x07\x1b[31m film",
    "good \u202efilm\u2066 bad\u200f",
]
NAMES = ["script", "image", "comment", "javascript", "template", "control", "right-to-left"]


@pytest.fixture(scope="module")
def address(tiny_classifier, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_classifier, runs / "tiny")
    patch = pytest.MonkeyPatch()
    patch.setattr(space.tabs, "TAB_NAMES", ("predict",))
    page = build(Clinic(str(runs / "tiny"), runs))
    yield serve(page, wait=False)
    page.close()
    patch.undo()


def predict(address: str, text: str) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/run/predict", json={"data": [text]}, timeout=30)


def batch_function(address: str) -> int:
    """The number of the event behind "Predict all"."""
    shown = httpx.get(f"{address}config").json()["dependencies"]
    (found,) = [each["id"] for each in shown if each["api_name"] == "show_all"]
    return found


def predict_all(address: str, upload) -> str:
    """What the server's event stream says to a file, given as the page would."""
    body = {"fn_index": batch_function(address), "session_hash": "s", "data": ["", upload]}
    httpx.post(f"{address}gradio_api/queue/join", json=body).raise_for_status()
    return httpx.get(f"{address}gradio_api/queue/data", params={"session_hash": "s"}, timeout=60).text


def upload(address: str, name: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{address}gradio_api/upload", files={"files": (name, content)}, timeout=30)


def uploaded(address: str, name: str, content: bytes) -> dict:
    (path,) = upload(address, name, content).raise_for_status().json()
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("text", PAYLOADS, ids=NAMES)
def test_a_hostile_text_gets_an_ordinary_answer(address, text):
    assert predict(address, text).json()["data"][0]["label"] in ("NEGATIVE", "POSITIVE")


def test_a_megabyte_is_refused_in_one_line_and_the_app_lives_on(address):
    response = predict(address, "good " * 200_000)
    assert response.status_code == 500 and response.json()["error"].endswith("cut it to 20,000")
    assert predict(address, "a good film").status_code == 200


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "/proc/self/environ"])
def test_no_file_of_the_machine_is_served(address, path):
    for route in ("file=", "file/"):
        response = httpx.get(f"{address}gradio_api/{route}{path}")
        assert response.status_code in (403, 404) and "root:" not in response.text


def test_a_model_or_a_config_of_a_run_is_not_served(address, tiny_classifier):
    assert httpx.get(f"{address}gradio_api/file={tiny_classifier}/config.json").status_code == 403


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/hostname.csv", "../../../etc/passwd"])
def test_an_upload_that_is_a_path_is_refused(address, path):
    told = predict_all(address, {"path": path, "orig_name": "a.csv", "meta": {"_type": "gradio.FileData"}})
    assert '"success":false' in told and "root:" not in told


@pytest.mark.parametrize("name", ["../../etc", "/etc", "tiny/..", "..", "", "tiny\0"])
def test_only_a_run_can_be_named(tiny_classifier, tmp_path, name):
    shutil.copytree(tiny_classifier, tmp_path / "runs" / "tiny")
    clinic = Clinic(str(tmp_path / "runs" / "tiny"), tmp_path / "runs")
    for ask in (clinic.run, clinic.predictor, clinic.calibration):
        with pytest.raises(UserError, match="there is no run"):
            ask(name)


def zip_bomb() -> bytes:
    """50 MB of zeros in about 50 KB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", bytes(50_000_000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("bomb.csv", zip_bomb(), "the file is an archive: unpack it and upload the CSV or TXT in it"),
        ("a.csv", b"text\na\x00b\n", "line 2 holds a NUL character"),
        ("a.csv", b"text\n\xff\xfe\n", "line 2 is not UTF-8"),
        ("a.csv", b"text,label\ngood,1,2\n", "line 2 has 3 columns"),
        ("a.csv", b"text\n" + b"a\n" * 10_001, "there are more than 10,000 texts"),
        ("<img src=x onerror=alert(1)>.csv", b"", "there is no text in it"),
    ],
    ids=["zip", "nul", "bytes", "ragged", "rows", "empty"],
)
def test_a_hostile_upload_is_one_line(address, name, content, line):
    assert line in predict_all(address, uploaded(address, name, content))


def test_an_upload_has_a_size_limit(address):
    assert upload(address, "a.csv", b"a" * 2_200_000).status_code == 413


def test_ten_thousand_lines_are_answered(address):
    told = predict_all(address, uploaded(address, "a.csv", b"text\n" + b"a good film\n" * 10_000))
    assert "10,000 texts: " in told and "progress" in told


@pytest.mark.browser
@pytest.mark.parametrize("text", PAYLOADS, ids=NAMES)
def test_nothing_of_a_hostile_text_runs(address, new_page, text):
    page = new_page()
    page.goto(address)
    page.get_by_label("Sentence").fill(text.replace("\0", ""))
    page.keyboard.press("Enter")
    page.locator(".verdict").wait_for()
    page.get_by_text("Faithfulness").nth(1).wait_for()
    page.get_by_text("Many sentences at once").click()
    page.get_by_label("One sentence a line").fill(text.replace("\0", ""))
    page.get_by_role("button", name="Predict all").click()
    page.get_by_text("1 text:").wait_for()
    page.get_by_role("gridcell").first.wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x], a[href^=javascript]").count() == 0
    # The address that was made of it does no harm either.
    page.goto(page.url)
    page.locator(".verdict").wait_for()
    assert page.evaluate("window.hacked") is None


@pytest.mark.browser
def test_hostile_files_are_one_line_on_the_page(address, new_page, tmp_path):
    (tmp_path / "bomb.csv").write_bytes(zip_bomb())
    (tmp_path / "formulas.csv").write_text(
        f'text\n"=cmd|\'/c calc\'!A1"\n"{PAYLOADS[1].replace(chr(34), chr(34) * 2)}"\n'
    )
    page = new_page()
    page.goto(address)
    page.get_by_text("Many sentences at once").click()
    files = page.locator("input[type=file]").first
    files.set_input_files(tmp_path / "bomb.csv")
    page.get_by_text("bomb").first.wait_for()
    page.get_by_role("button", name="Predict all").click()
    page.get_by_text("the file is an archive: unpack it").wait_for()
    page.reload()
    page.get_by_text("Many sentences at once").click()
    files.set_input_files(tmp_path / "formulas.csv")
    page.get_by_text("formulas").first.wait_for()
    page.get_by_role("button", name="Predict all").click()
    page.get_by_text("2 texts:").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").click()
    with open(waiting.value.path(), newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert texts == ["'=cmd|'/c calc'!A1", PAYLOADS[1]]
    assert page.evaluate("window.hacked") is None
