"""`python eval/document.py`: the figures of a template are those of committed results; what is missing is one line."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pypdfium2
import pytest
from PIL import Image
from pypdfium2 import raw
from scipy.stats import binom, ttest_rel
from statsmodels.stats.power import TTestPower

from cli.errors import UserError
from eval.document import main
from eval.documents import pictures
from eval.documents.fill import alarm, fill, sizes, write
from eval.documents.sources import StudyResult, read_table
from eval.pages import png
from eval.pdf import render

DOCS = Path(__file__).parents[2] / "docs"
TEMPLATES = sorted((DOCS / "templates").glob("*.md"))
STUDY = DOCS / "studies" / "calibration"


@pytest.fixture()
def docs(tmp_path):
    """A project with a study and nothing else."""
    shutil.copytree(STUDY, tmp_path / "docs" / "studies" / "calibration")
    (tmp_path / "docs" / "templates").mkdir()
    return tmp_path / "docs"


def template_of(docs: Path, text: str) -> Path:
    path = docs / "templates" / "memo.md"
    path.write_text(f"# Memo\n{text}", encoding="utf-8")
    return path


def test_an_effect_is_written_with_unit_and_interval(docs):
    effect = json.loads((STUDY / "effects.json").read_text())["effects"][0]["estimate"]
    text = fill(template_of(docs, '{{ study("calibration").arm.effect }}'))
    assert text.endswith(
        "{value:+.2f} points [{low:+.2f}, {high:+.2f}]".format(**{k: 100 * v for k, v in effect.items()})
    )


def test_any_figure_of_the_runs_is_compared_in_pairs_of_seeds():
    study = StudyResult(STUDY)
    change = study.change("reliability.calibration_error", "calibrated")
    runs = pd.read_csv(STUDY / "runs.csv")
    raw, calibrated = (
        runs[runs.answers == level].sort_values("seed")["reliability.calibration_error"]
        for level in ("raw", "calibrated")
    )
    rival = ttest_rel(calibrated, raw).confidence_interval(0.95)
    assert change.value == pytest.approx(np.mean(calibrated.to_numpy() - raw.to_numpy()))
    assert (change.low, change.high) == pytest.approx((rival.low, rival.high))
    assert study.mean("reliability.calibration_error", "raw").value == pytest.approx(raw.mean())
    assert study.arm.guards["reliability.calibration_error"].value == pytest.approx(change.value)


def test_sizes_and_alarms_are_those_of_statsmodels_and_the_binomial():
    assert sizes(6) == f"{TTestPower().solve_power(nobs=6, alpha=0.05, power=0.8):.1f}"
    for n, share in ((500, 0.05), (100, 0.02), (500, 0.6)):
        count = alarm(n, share)
        assert binom.sf(count - 1, n, share) <= 0.001 < binom.sf(count - 2, n, share)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{{ study("calm").seeds }}', "effects.json"),
        ('{{ study("calibration").mean("test.accuracy", "cold") }}', "has no test.accuracy of cold"),
        ('{{ study("calibration").mood }}', "memo.md cannot be filled in: "),
        ('{{ csv("benchmarks/none.csv") }}', "none.csv is not there"),
        ("{{ open }", "memo.md cannot be filled in: "),
        ('{{ picture("sunset", "A sunset") }}', "no picture sunset"),
    ],
)
def test_what_is_missing_is_one_line(docs, text, said):
    with pytest.raises(UserError, match="^[^\n]*$") as error:
        fill(template_of(docs, text))
    assert said in str(error.value)


def test_the_command_writes_the_document_beside_the_folder_of_templates(docs, capsys):
    template = template_of(docs, '\n{{ study("calibration").seeds }} seeds')
    main([str(template)])
    document = docs / "memo.md"
    assert capsys.readouterr().out.strip() == str(document.resolve())
    title, _, note, _, rest = document.read_text(encoding="utf-8").split("\n", 4)
    assert title == "# Memo" and "docs/templates/memo.md" in note and rest == "6 seeds"


def test_only_a_file_of_a_folder_of_templates_is_filled_in(tmp_path):
    elsewhere = tmp_path / "folder" / "memo.md"
    elsewhere.parent.mkdir()
    elsewhere.write_text("# Memo\n")
    for path in (elsewhere, tmp_path / "templates" / "none.md"):
        with pytest.raises(UserError, match="is no template: name a file of docs/templates$"):
            write(path)
    assert not (tmp_path / "memo.md").exists()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_shipped_document_is_what_its_sources_make_of_it(template):
    pictures = {}
    assert (template.parents[1] / template.name).read_text(encoding="utf-8") == fill(template, pictures)
    for name, draw in pictures.items():
        drawn, shipped = (
            np.asarray(Image.open(file).convert("L"), float) for file in (io.BytesIO(png(draw())), DOCS / name)
        )
        assert drawn.shape == shipped.shape and np.abs(drawn - shipped).mean() < 2, f"{name} is out of date: make pdf"


@pytest.mark.parametrize(("name", "fewest", "most"), [("safety_reliability", 3, 4), ("report", 2, 3)])
def test_a_shipped_document_has_its_pages_and_every_figure(name, fewest, most, tmp_path):
    source = DOCS / f"{name}.md"
    assert fewest <= render(source, tmp_path / "out.pdf") <= most
    pages = pypdfium2.PdfDocument(tmp_path / "out.pdf")
    figures = sum(item.type == raw.FPDF_PAGEOBJ_IMAGE for page in pages for item in page.get_objects())
    assert figures == source.read_text(encoding="utf-8").count("![") >= 2


def test_the_shipped_pdf_is_of_the_shipped_memo(tmp_path):
    render(DOCS / "safety_reliability.md", tmp_path / "out.pdf")
    again, shipped = (
        [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(path)]
        for path in (tmp_path / "out.pdf", DOCS / "safety_reliability.pdf")
    )
    assert again == shipped, "make pdf"


def test_every_treated_run_is_a_point_and_the_one_told_wrongly_has_a_ring():
    runs = read_table(DOCS.parent / "benchmarks" / "results" / "treatment_scorecard.csv")
    (axes,) = pictures.draw_planted_causes(StudyResult, lambda _: runs).axes
    *groups, ring = axes.lines
    assert [line.get_label() for line in groups] == list(pictures.PLANTED.values())
    points = np.concatenate([line.get_xydata() for line in groups])
    assert sorted(map(tuple, points)) == sorted(zip(runs.larger_batches, runs.lower_rate, strict=True))
    assert ring.get_xydata().tolist() == runs.loc[~runs.right, ["larger_batches", "lower_rate"]].to_numpy().tolist()


@pytest.mark.slow
def test_a_law_misses_the_largest_runs_as_the_report_says():
    figure = pictures.draw_largest_runs(lambda name: StudyResult(DOCS / "studies" / name), read_table)
    *intervals, predicted = figure.axes[0].lines[1:]
    errors = predicted.get_ydata()
    assert len(errors) == 6 and sum(errors > 0) == 5 and np.sqrt(np.mean(errors**2)) == pytest.approx(5.4, abs=0.05)
    assert sum(low <= 0 <= high for low, high in (sorted(line.get_ydata()) for line in intervals)) == 2
