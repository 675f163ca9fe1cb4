import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.errors import UserError
from eval.plots.interactions import draw_interactions
from eval.run_directory import read_json, write_json
from eval.study_report import judge_study, read_runs, write_study_report
from eval.study_sections import headline

SECTIONS = ["Minimum detectable effect", "Verdicts", "Effects", "Interactions", "Analysis of variance", "Runs"]
FACTORS = {"dropout": ["0.1", "none", "0.3"], "tuning": ["full", "<b>lora|"]}


def write_study(folder, factors, cells, seeds, value, metric="test.accuracy", *, failed=(), predictions=False):
    """runs.csv and effects.json as the study's command leaves them."""
    rng = np.random.default_rng(0)
    rows = []
    for cell, seed in product(cells, range(seeds)):
        complete = (cell, seed) not in failed
        rows.append(
            {
                "cell": "+".join(cell),
                **dict(zip(factors, cell, strict=True)),
                "seed": seed,
                "status": "complete" if complete else "failed",
                "reason": "" if complete else "out of memory: <script>alert(1)</script>",
                "seconds": 20.5,
                metric: value(*cell) + 0.01 * seed + rng.normal(0, 0.004) if complete else None,
                "run": f"{'+'.join(cell)}/{seed}",
            }
        )
    folder.mkdir()
    pd.DataFrame(rows).to_csv(folder / "runs.csv", index=False)
    correct = {row["run"]: rng.random(200) < 0.8 for row in rows} if predictions else None
    judge_study(folder, factors, metric, correct=correct)
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    def value(dropout, tuning):
        return 0.8 - 0.06 * (tuning != "full") + 0.03 * (dropout == "0.3") * (tuning != "full")

    cells = list(product(*FACTORS.values()))
    folder = tmp_path_factory.mktemp("studies") / "pair"
    return write_study(folder, FACTORS, cells, 5, value, failed=[(cells[1], 2)], predictions=True)


@pytest.fixture
def factorial(written, tmp_path):
    """A 3 x 2 study with an interaction, a failed run and predictions, and its report."""
    return Path(shutil.copytree(written, tmp_path / "pair"))


def sections_of(folder):
    """{heading: body} of report.md."""
    parts = re.split(r"^## (.+)$", (folder / "report.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_it_opens_with_a_sentence_and_the_detectable_effect_comes_first(factorial):
    sentence = write_study_report(factorial)
    text, data = (factorial / "report.md").read_text(), read_json(factorial / "effects.json")
    assert sentence.startswith("Helps: dropout 0.3; hurts: tuning <b>lora|")
    assert list(sections_of(factorial)) == SECTIONS
    assert text.index("Hurts:") < text.index("## Minimum")
    detectable = f"{100 * data['resolution']['detectable']:.1f} points would be found in 80%"
    assert detectable in sections_of(factorial)["Minimum detectable effect"]


def test_the_table_has_a_verdict_a_level_and_says_what_it_depends_on(factorial):
    section, data = sections_of(factorial)["Verdicts"], read_json(factorial / "effects.json")
    lines = [line for line in section.splitlines() if line.startswith(("| dropout |", "| tuning |"))]
    assert len(lines) == 3
    assert "hurts on average; depends on dropout" in lines[2]
    for line, effect in zip(lines, data["effects"], strict=True):
        assert f"{100 * effect['estimate']['value']:+.1f} [" in line
    assert "McNemar" in section
    assert re.findall(r"\| \d+ of (\d+) \|", section) == ["9", "9", "14"]


def test_failed_runs_are_listed_with_their_reason(factorial):
    runs = sections_of(factorial)["Runs"]
    assert "4/5" in runs and "### Left out" in runs and "out of memory" in runs
    assert "10 min of computing" in runs


def test_the_page_is_one_file_that_escapes_what_it_is_told(factorial):
    page = (factorial / "report.html").read_text()
    assert "<script" not in page and "<b>lora" not in page and "&lt;b&gt;lora|" in page
    assert page.count('src="data:image/png;base64,') == 2 and ".png" not in page


def test_the_same_study_gives_the_same_files_from_its_two_tables_alone(factorial, tmp_path):
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "pair"
    copy.mkdir()
    for name in ("runs.csv", "effects.json"):
        (copy / name).write_bytes((factorial / name).read_bytes())
    write_study_report(copy)
    for name in ("report.md", "report.html", "effects.png", "interactions.png"):
        assert (copy / name).read_bytes() == (factorial / name).read_bytes()


def test_levels_are_read_as_they_are_written(factorial):
    runs = read_runs(factorial / "runs.csv", list(FACTORS), "test.accuracy")
    assert set(runs["dropout"]) == {"0.1", "none", "0.3"}
    assert runs["test.accuracy"].isna().sum() == 1 and runs["test.accuracy"].dtype == float


def test_without_replicates_there_is_a_half_normal_plot_and_no_table_of_variance(tmp_path):
    factors = {name: ["no", "yes"] for name in ("a $x$", "b", "c", "d")}
    cells = list(product(*factors.values()))
    folder = write_study(
        tmp_path / "once", factors, cells, 1, lambda a, *_: 0.5 - 0.2 * (a == "yes"), metric="test.log_loss"
    )
    assert write_study_report(folder).startswith("Helps: a $x$ yes; makes no difference that matters: b yes")
    found = sections_of(folder)
    assert list(found) == SECTIONS
    assert "Lenth" in found["Minimum detectable effect"] and "(half_normal.png)" in found["Effects"]
    assert "without replicates" in found["Analysis of variance"]


def test_a_fraction_says_what_it_cannot_tell_apart(tmp_path):
    factors = {name: ["no", "yes"] for name in "abc"}
    cells = [("no", "no", "yes"), ("yes", "no", "no"), ("no", "yes", "no"), ("yes", "yes", "yes")]
    folder = write_study(tmp_path / "half", factors, cells, 4, lambda *_: 0.8)
    found = sections_of(folder)
    assert "c with a × b; b with a × c; a with b × c" in found["Verdicts"]
    assert "None can be told with these cells" in found["Interactions"]


def test_one_run_a_cell_is_told_to_add_seeds(tmp_path):
    cells = [("0.1", "full"), ("none", "full"), ("0.1", "<b>lora|")]
    folder = write_study(tmp_path / "single", FACTORS, cells, 1, lambda *_: 0.8)
    assert write_study_report(folder).startswith("Cannot be told: dropout none")
    found = sections_of(folder)
    assert "None can be stated" in found["Minimum detectable effect"]
    assert "factors were changed one at a time" in found["Interactions"]


def test_an_unfinished_study_says_how_far_it_is(tmp_path):
    """Not that it is irregular, nor that it is a search."""
    cells = list(product(*FACTORS.values()))
    folder = write_study(tmp_path / "half", FACTORS, cells[:5], 2, lambda *_: 0.8, failed=[(cells[1], 1)])
    assert judge_study(folder, FACTORS, "test.accuracy", planned=30).startswith("10 of 30 runs so far. Makes")
    text = (folder / "report.md").read_text()
    assert "irregular" not in text and "design: unfinished" in text and "runs: 10 of 30 runs" in text
    assert judge_study(folder, FACTORS, "test.accuracy", planned=10).startswith("Makes")

    few = write_study(tmp_path / "few", FACTORS, cells[:4], 1, lambda *_: 0.8)
    assert "do not yet tell" in judge_study(few, FACTORS, "test.accuracy", planned=30)


def test_a_level_whose_runs_all_failed_is_shown_as_such(tmp_path):
    cells = [("0.1", "full"), ("none", "full"), ("0.1", "<b>lora|")]
    failed = [(cells[1], seed) for seed in range(3)]
    folder = write_study(tmp_path / "failing", FACTORS, cells, 3, lambda *_: 0.8, failed=failed)
    found = sections_of(folder)
    assert "not resolvable: no run of it is left to compare | undefined" in found["Verdicts"]
    assert "0/3 | - | - |" in found["Runs"] and "3 runs have no figure" in found["Runs"]


def test_a_table_of_single_trials_shows_the_best_first(tmp_path):
    factors = {"rate": [f"1e-{index}" for index in range(9)], "decay": [str(index) for index in range(9)]}
    cells = list(zip(*factors.values(), strict=True))
    folder = write_study(tmp_path / "search", factors, cells, 1, lambda _, decay: 0.5 + 0.03 * int(decay))
    assert write_study_report(folder).startswith("A search over rate, decay")
    assert list(sections_of(folder)) == ["Runs"]
    rows = re.findall(r"^\| 1e-(\d)\+", sections_of(folder)["Runs"], flags=re.MULTILINE)
    assert rows == sorted(rows, reverse=True)


def test_many_levels_are_counted_in_the_sentence(factorial):
    data = read_json(factorial / "effects.json")
    data["effects"] = [{**data["effects"][0], "level": str(index), "verdict": "helps"} for index in range(9)]
    assert headline(data) == "Helps: dropout 0, dropout 1, dropout 2, dropout 3 and 5 more."


def test_what_does_not_fit_the_table_is_named(factorial):
    with pytest.raises(UserError, match=r"no metric 'test\.f1': name one of test\.accuracy"):
        judge_study(factorial, FACTORS, "test.f1")
    with pytest.raises(UserError, match="dropout has no level 'none'"):
        judge_study(factorial, {**FACTORS, "dropout": ["0.1", "0.3"]}, "test.accuracy")


def test_what_is_missing_or_broken_is_named(factorial, tmp_path):
    with pytest.raises(UserError, match=r"effects\.json cannot be read"):
        write_study_report(tmp_path)
    (factorial / "runs.csv").write_text("cell,seed,status\n")
    with pytest.raises(UserError, match="has no column 'dropout'"):
        write_study_report(factorial)
    (factorial / "runs.csv").unlink()
    with pytest.raises(UserError, match=r"runs\.csv cannot be read"):
        write_study_report(factorial)
    write_json(factorial / "effects.json", {"schema": 99})
    with pytest.raises(UserError, match="is not of schema 1"):
        write_study_report(factorial)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_of_a_study_reads_well(factorial, new_page, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"file://{factorial / 'report.html'}")
    broken = "images => images.filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.locator("img").evaluate_all(broken) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("h2").all_inner_texts() == SECTIONS
    page.screenshot(path=f"tests/screenshots/study-{width}-{scheme}.png", full_page=True)


def test_no_point_of_the_interactions_lies_outside_its_panel():
    means = [[0.9, 0.8], [0.2, 0.1]], [[0.5, 0.4], [0.6, 0.5]]
    data = {
        "metric": "test.accuracy",
        "interactions": [{"factors": ["a", "b"]}, {"factors": ["c", "d"]}],
        "pair_means": [
            {"factors": names, "levels": [["0", "1"], ["0", "1"]], "means": heights}
            for names, heights in zip((["c", "d"], ["a", "b"]), means, strict=True)
        ],
    }
    for axes in draw_interactions(data).axes:
        low, high = axes.get_ylim()
        assert all(low < height < high for line in axes.lines for height in line.get_ydata())
