import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.errors import UserError
from eval.run_directory import read_json
from eval.search_sections import comparison, headline
from eval.study_report import judge_search, write_study_report
from eval.units import unit_of

SECTIONS = [
    *("Minimum detectable effect", "On fresh seeds", "Luck of the search", "The search", "What was searched over"),
    "Runs",
]
FACTORS = ["learning_rate", "optim"]


def write_search(folder, trials=12, seeds=4):
    """runs.csv as the command leaves it: TPE finds a good rate, random search does not."""
    rng, rows = np.random.default_rng(0), []

    def add(cell, sampler, rate, optim, seed, status="complete"):
        value = 0.86 - 0.1 * (np.log10(rate) + 4) ** 2 + rng.normal(0, 0.003)
        done = status == "complete"
        figures = {"validation.accuracy": value, "test.accuracy": value - 0.01} if done else {}
        levels = {"learning_rate": repr(rate), "optim": optim}
        reason = "out of memory: <script>" if status == "failed" else ""
        run = {"cell": cell, "sampler": sampler, **levels, "seed": seed, "status": status, "reason": reason}
        rows.append({**run, "seconds": 30.0, **figures})

    for index, sampler in product(range(trials), ("tpe", "random")):
        rate = 10 ** rng.normal(-4, 0.15) if sampler == "tpe" else 10 ** rng.uniform(-6, -4.5)
        status = {2: "failed", 5: "pruned"}.get(index, "complete") if sampler == "tpe" else "complete"
        add(f"{sampler}-{index:02d}", sampler, rate, str(rng.choice(["<b>sgd|", "adamw"])), 0, status)
    for seed in range(1, seeds + 1):
        for cell, rate in (("baseline", 1.1e-4), ("tpe-best", 1e-4), ("random-best", 3e-5)):
            add(cell, "confirm", rate, "adamw", seed)
    folder.mkdir()
    pd.DataFrame(rows).to_csv(folder / "runs.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = write_search(tmp_path_factory.mktemp("studies") / "rates")
    judge_search(folder, FACTORS, "validation.accuracy", log=["learning_rate"])
    return folder


@pytest.fixture
def search(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "rates"))


def test_it_opens_with_the_comparison_of_the_samplers(search):
    sentence, text = write_study_report(search), (search / "report.md").read_text()
    assert re.fullmatch(
        r"TPE's best ahead of random's best by [\d.]+ points \[[\d.]+, [\d.]+\] on 4 fresh seeds\.", sentence
    )
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SECTIONS
    assert "No difference larger than" in text and "TPE's best and the baseline" in text
    assert "this compares the settings they found, not the samplers" in text


def test_the_figures_are_those_of_the_json(search):
    text, data = (search / "report.md").read_text(), read_json(search / "effects.json")
    estimate = data["effects"][0]["estimate"]
    low, high = (f"{100 * estimate[end]:+.1f}" for end in ("low", "high"))
    assert f"| ahead | {100 * estimate['value']:+.1f} [{low}, {high}] |" in text
    tpe = data["samplers"][0]
    assert f"| TPE | 10/12 | 1 | 6 min | {tpe['best']['score']:.3f} | {tpe['best']['trial']} |" in text
    assert "More than chance: learning\\_rate" in text


def test_failed_trials_are_listed_and_pruned_ones_are_not(search):
    runs = (search / "report.md").read_text().split("### Left out")[1]
    assert "tpe-02" in runs and "out of memory" in runs and "tpe-05" not in runs


def test_the_page_escapes_what_it_is_told_and_holds_its_plots(search):
    page = (search / "report.html").read_text()
    assert "<script" not in page and "<b>sgd" not in page and "&lt;b&gt;sgd" in page
    assert page.count('src="data:image/png;base64,') == 3 and ".png" not in page


def test_the_same_search_gives_the_same_files(search, tmp_path):
    before = {path.name: path.read_bytes() for path in search.iterdir()}
    judge_search(search, FACTORS, "validation.accuracy", log=["learning_rate"])
    assert {path.name: path.read_bytes() for path in search.iterdir()} == before


def test_a_search_without_its_confirmation_says_so(tmp_path):
    folder = write_search(tmp_path / "open", trials=4, seeds=0)
    assert judge_search(folder, FACTORS, "validation.accuracy").startswith("A search without a confirmation")
    found = judge_search(folder, FACTORS, "validation.accuracy", planned=20)
    assert found == "8 of 20 runs so far. Nothing is confirmed yet."
    text = (folder / "report.md").read_text()
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SECTIONS[3:] and "No factor is told" in text


def test_one_seed_and_failed_confirmations_are_not_resolvable(search):
    runs = pd.read_csv(search / "runs.csv")
    gone = (runs["sampler"] == "confirm") & ((runs["seed"] > 1) | (runs["cell"] == "random-best"))
    runs.loc[gone, ["status", "validation.accuracy", "test.accuracy"]] = ["failed", np.nan, np.nan]
    runs["learning_rate"] = runs["learning_rate"].where(runs["sampler"] == "confirm")
    runs.to_csv(search / "runs.csv", index=False)
    found = judge_search(search, FACTORS, "validation.accuracy")
    assert found.startswith("Whether TPE's best or random's best is better cannot be told on 0 fresh seeds; no run of")
    assert "None can be stated" in (search / "report.md").read_text()


@pytest.mark.parametrize(
    ("verdict", "estimate", "sentence"),
    [
        (
            "helps",
            (0.021, 0.004, 0.038),
            "TPE's best ahead of random's best by 2.1 points [0.4, 3.8] on 5 fresh",
        ),
        ("hurts", (-0.021, -0.038, -0.004), "Random's best ahead of TPE's best by 2.1 points [0.4, 3.8] on 5 fresh"),
        (
            "no_effect_larger_than",
            (0.001, -0.002, 0.004),
            "No difference larger than 0.4 points between TPE's best",
        ),
        ("not_resolvable", (0.01, -0.01, 0.03), "Whether TPE's best or random's best is better cannot be told on 5"),
    ],
)
def test_each_verdict_is_a_sentence(search, verdict, estimate, sentence):
    data = read_json(search / "effects.json")
    found = dict(zip(("value", "low", "high"), estimate, strict=True)) | {"n": 5}
    effect = {**data["effects"][0], "verdict": verdict, "estimate": found, "bound": 0.004, "seeds_needed": 12}
    assert comparison(effect, unit_of("test.accuracy", 0.01)).startswith(sentence)
    assert headline({**data, "effects": [effect], "missing": 0}, unit_of("test.accuracy", 0.01)).startswith(sentence)


def test_a_table_without_samplers_is_no_search(search):
    pd.read_csv(search / "runs.csv").drop(columns="sampler").to_csv(search / "runs.csv", index=False)
    with pytest.raises(UserError, match="has no column 'sampler'"):
        judge_search(search, FACTORS, "validation.accuracy")


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_of_a_search_reads_well(search, new_page, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"file://{search / 'report.html'}")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("h2").all_inner_texts() == SECTIONS
    page.screenshot(path=f"tests/screenshots/search-{width}-{scheme}.png", full_page=True)
