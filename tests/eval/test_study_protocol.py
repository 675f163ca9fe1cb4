"""What a report says of hypothesis and guards, from effects.json alone."""

import numpy as np
import pandas as pd
import pytest

from eval.effects import Protocol
from eval.run_directory import read_json
from eval.study_report import judge_study, write_study_report
from train.studies.summary import closing, guard_table

GUARDS = {"test.accuracy": 0.005, "validation.accuracy": 0.0, "test.log_loss": 0.1}
WORDS = "Swapped copies keep a <b>swap</b> from changing the answer."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An arm that helps and breaks a guard of accuracy, one that does neither."""
    rng, rows = np.random.default_rng(0), []
    for seed in range(6):
        for arm, cost in (("control", 0), ("mild", 0), ("strong", 0.03)):
            figures = {"test.f1": 0.7 + cost * 3, "test.accuracy": 0.8 - cost, "test.log_loss": 0.5 - cost}
            noisy = {name: value + rng.normal(0, 0.002) for name, value in figures.items()}
            noisy["validation.accuracy"] = 0.8 + rng.normal(0, 0.01)
            rows.append({"cell": arm, "treatment": arm, "seed": seed, "status": "complete", "reason": "", **noisy})
    found = tmp_path_factory.mktemp("guarded")
    pd.DataFrame(rows).to_csv(found / "runs.csv", index=False)
    levels = {"treatment": ["control", "mild", "strong"]}
    judge_study(found, levels, "test.f1", protocol=Protocol(WORDS, GUARDS, ["margin: none (now 0.02)"]))
    return found


def test_a_guard_that_is_broken_stands_in_the_first_sentence(folder):
    sentence = write_study_report(folder)
    assert sentence.startswith("Helps: treatment strong; ")
    assert "breaks a guard: treatment strong (test accuracy); not yet known to hold its guard: treatment " in sentence
    text = closing(folder, sentence)
    assert "test accuracy        treatment  strong" in text and "broken" in text and "seeds needed" in text
    lines = guard_table(folder, 70).split("\n")
    assert max(map(len, lines)) <= 100 and len(lines) == 8


def test_the_report_opens_with_what_was_said_before_the_runs(folder):
    text = (folder / "report.md").read_text()
    protocol = text.split("## Protocol")[1].split("## ")[0]
    assert text.index("## Protocol") < text.index("## Minimum detectable effect") < text.index("## Guards")
    for words in (
        "**Hypothesis: Swapped copies keep a &lt;b>swap",
        "Primary metric: test f1, higher is better",
        "test accuracy may fall by 0.50 points at most; validation accuracy may not fall; ",
        "test log loss may rise by 0.1",
        "Arms: treatment mild, strong against control",
        "the seed",
        "6 seeds",
        "Changed after runs had begun:** margin: none (now 0.02)",
    ):
        assert words in protocol
    assert "Fixed in study.yaml" not in protocol
    assert "<b>swap" not in (folder / "report.html").read_text()


def test_the_section_of_guards_counts_them_and_says_what_would_tell(folder):
    section = (folder / "report.md").read_text().split("## Guards")[1].split("## ")[0]
    guards = read_json(folder / "effects.json")["guards"]
    counts = {name: sum(one["verdict"] == name for one in guards) for name in ("held", "broken", "open")}
    assert counts["broken"] == 1 and counts["held"] >= 3 and counts["open"] >= 1
    assert f"**{counts['held']} held, 1 broken, {counts['open']} open.**" in section
    assert section.count("seeds would tell") == counts["open"]
    assert "(guards.png)" in section and (folder / "guards.png").is_file()


def test_a_study_without_a_file_has_neither(folder, tmp_path):
    (tmp_path / "runs.csv").write_bytes((folder / "runs.csv").read_bytes())
    judge_study(tmp_path, {"treatment": ["control", "mild", "strong"]}, "test.f1")
    text = (tmp_path / "report.md").read_text()
    assert "## Protocol" not in text and "uard" not in text and not (tmp_path / "guards.png").exists()
    assert guard_table(tmp_path) == ""
