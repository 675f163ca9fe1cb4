from dataclasses import dataclass

import pytest

from cli.errors import UserError
from eval.parts import PART_NAMES, Remark, load_part
from eval.plots.style import new_figure
from eval.report import finished_parts, save_part, summarise, write_report

ABOUT = {"model": "runs/<b>x</b>", "corpus": "reviews"}


@dataclass
class Measured:
    accuracy: float
    worst: str


@pytest.fixture
def part(monkeypatch):
    """The part `metrics` with what it measures, says and draws replaced."""
    module = load_part("metrics")

    def plots(data):
        with new_figure() as (figure, [axes]):
            axes.plot([0, data["accuracy"]])
        return {"line": figure}

    monkeypatch.setattr(module, "plots", plots)
    monkeypatch.setattr(module, "remarks", lambda data: [Remark("good", f"right: {data['accuracy']}", 0.5)])
    monkeypatch.setattr(module, "section", lambda data: f"Worst: {data['worst']}\n\n![a line](line.png)")
    return module


def test_a_part_is_read_back_as_it_was_saved(tmp_path, part):
    save_part(tmp_path, "metrics", Measured(0.8, "x"))
    assert finished_parts(tmp_path) == {"metrics": {"accuracy": 0.8, "worst": "x"}}
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_result_gives_the_same_files(tmp_path, part):
    for name in ("a", "b"):
        save_part(tmp_path / name, "metrics", Measured(0.8, "x"))
        write_report(tmp_path / name, ABOUT)
    for file in ("line.png", "report.md", "report.html", "metrics.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_page_is_one_file_that_escapes_what_it_is_told(tmp_path, part):
    save_part(tmp_path, "metrics", Measured(0.8, "<script>alert(1)</script>"))
    write_report(tmp_path, ABOUT)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page and "runs/&lt;b&gt;" in page
    assert 'src="data:image/png;base64,' in page and ".png" not in page


def test_without_a_finished_part_there_is_no_report(tmp_path):
    with pytest.raises(UserError, match="no finished part"):
        write_report(tmp_path, ABOUT)


def test_a_broken_part_is_named(tmp_path):
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(UserError, match=r"metrics\.json is not valid JSON"):
        finished_parts(tmp_path)


def test_the_summary_keeps_the_weightiest_and_opens_with_the_first(part, monkeypatch):
    remarks = [Remark("bad", f"bad {i}", i / 10) for i in range(6)] + [Remark("good", "good", 0.9)]
    monkeypatch.setattr(part, "remarks", lambda data: remarks)
    summary = summarise({"metrics": {}})
    assert summary.headline == "good"
    assert summary.remarks == {"bad": ["bad 5", "bad 4", "bad 3"]}


def test_every_part_has_the_same_shape():
    for name in PART_NAMES:
        part = load_part(name)
        assert isinstance(part.TITLE, str)
        assert all(callable(getattr(part, function)) for function in ("measure", "remarks", "section", "plots"))
