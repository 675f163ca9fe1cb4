"""treatment.json and what an incident report makes of it."""

import json

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from cli.errors import UserError
from eval.diagnosis.finding import Action, Cause, Diagnosis, Finding, Name, Onset
from eval.diagnosis.history import Curve, History
from eval.diagnosis.incident import incident
from eval.run_directory import read_json, write_json
from eval.treatment.arms import judge_arms
from eval.treatment.causes import judge_factorial
from eval.treatment.cure import judge_cure
from eval.treatment.document import document
from eval.treatment.sections import in_words, read_treatment
from tests.eval.treatment import sgd

HOSTILE = "<script>alert(1)</script> | ![x](http://h/x.png) [y](http://h) `code` # *b*\n# top\x1b[31m"
SWINGS = np.outer([0.5, 0.5, 0.03, 0.03], [0.95, 1.0, 1.0, 1.06])


def treated(swings=SWINGS, *, after=0.04, cured=True, **changes) -> dict:
    table = sgd.cells(swings, np.ones((4, 4))).assign(accuracy=lambda cells: 0.8 - cells["swing"] / 10)
    cause = judge_factorial(table, sgd.FACTORS, lowered=4, enlarged=8)
    fresh = pd.DataFrame(
        [
            {"cell": name, "seed": seed, "swing": value * (1 + seed / 50), "symptom": value > 0.2}
            for name, value in (("baseline", 0.5), ("rate=lower", after))
            for seed in range(4)
        ]
    )
    fresh.loc[1, "swing"] *= 1.1
    given = {
        "finding": "oscillation",
        "question": "Is the rate too high?",
        "cause": cause,
        "cure": judge_cure(fresh, "swing", control="baseline", remedy="rate=lower") if cured else None,
        "rankings": [judge_arms(table, "accuracy", control="baseline")],
        "words": {"rate=lower": "a rate 4 times lower"},
        "flags": {"rate=lower": "--learning_rate 1e-05"},
        "budget": {"seconds": 480.0, "seeds": 4, "steps": 120, "start": "runs/a", "cut": ["2 seeds"]},
        "command": "python train/treat.py runs/a --budget 10m",
        "plots": {"treatment/arms": "What each change does"},
    }
    return document(**(given | changes))


def report(treatment) -> str:
    finding = Finding(
        name=Name.OSCILLATION,
        severity=0.5,
        confidence=0.9,
        onset=Onset(40.0, 1.0),
        evidence={"amplitude": 0.3},
        causes=[Cause(cause="the rate")],
        today=[Action("a lower rate", "--learning_rate 3e-5")],
        next_week=["a study"],
    )
    history = History(source="runs/a", train=Curve(np.arange(1.0, 13), np.ones(12)))
    return incident(Diagnosis(finding.name, [finding], []), history, treatment=treatment)


def html(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_it_is_plain_json_and_is_read_back(tmp_path):
    content = treated()
    json.dumps(content, allow_nan=False)
    path = tmp_path / "treatment.json"
    assert read_treatment(path, "oscillation") is None
    write_json(path, content)
    assert read_treatment(path, "oscillation") == content == read_json(path)
    # Of another verdict, or another version, it tells nothing.
    assert read_treatment(path, "overfitting") is None
    write_json(path, content | {"schema": 9})
    assert read_treatment(path, "oscillation") is None
    path.write_text("{")
    with pytest.raises(UserError):
        read_treatment(path, "oscillation")
    assert list(content) == [
        *("schema", "finding", "question", "arms", "cause", "cure", "rankings", "words", "flags", "budget"),
        *("command", "plots"),
    ]


def test_the_first_lines_say_what_was_proven():
    first = report(treated()).split("\n## ")[0].strip().splitlines()
    assert len(first) <= 10
    marks = [line.split("**")[1] for line in first if "**" in line]
    assert marks == ["Symptom:", "Cause (confirmed by experiment):", "Immediate mitigation:", "Longer-term fix:"]
    assert first[3].endswith("The learning rate is too high for the curvature.")
    assert first[4].startswith("- **Immediate mitigation:** A rate 4 times lower: `--learning_rate 1e-05`; swing 0.527")
    assert "symptom in 4 of 4 → 0 of 4 runs: **cured**." in first[4] and "× 0.07" in first[4] and "[" in first[4]


def test_the_experiment_stands_second():
    text = report(treated())
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings[:2] == ["Experiment", "Evidence"]
    section = text.split("## Experiment")[1].split("\n## ")[0]
    assert "Is the rate too high? **The learning rate is too high for the curvature.**" in section
    page = html(section)
    assert page.count("<tr>") == 1 + 2 + 1 + 4 and '<img src="treatment/arms.png"' in page
    assert "<code>python train/treat.py runs/a --budget 10m\n</code>" in page
    assert "| as it was | 4 | 0.501" in section and "| 4 of 4 | – |" in section
    assert (
        "4 seeds, 120 steps a run, 8.0 minutes in all. Every run began from runs/a. Left out for the budget: 2 seeds."
        in section
    )
    assert "By accuracy: rate=lower" in section.replace("a rate 4 times lower", "rate=lower")


def test_what_is_not_proven_is_not_advised():
    same = report(treated(np.full((4, 4), 0.5) * np.linspace(0.9, 1.1, 4), cured=False))
    assert "**Cause (not confirmed by experiment):** Both changes together do not halve" in same
    # No arm helped: the advice of the diagnosis stands.
    assert "**Immediate mitigation:** A lower rate: `--learning_rate 3e-5`." in same
    healthy = report(treated(SWINGS / 10, cured=False))
    assert "There is nothing to explain: 0 of 4 of the control's runs" in healthy
    useless = report(treated(after=0.49))
    assert "**Immediate mitigation:** None is proven: a rate 4 times lower" in useless
    untried = report(treated(cured=False))
    assert "`--learning_rate 1e-05`; not tried on fresh seeds." in untried


def test_no_text_of_a_run_is_taken_for_markup():
    text = report(
        treated(
            question=HOSTILE,
            words={"rate=lower": HOSTILE, "batch=larger": HOSTILE},
            flags={"rate=lower": HOSTILE},
            command=f"python x {HOSTILE}",
            budget={"cut": [HOSTILE]},
            plots={"treatment/arms": HOSTILE},
        )
    )
    page = html(text)
    assert not any(tag in page for tag in ("<script", "<a ", "<em>")) and page.count("<img") == 1
    assert page.count("<h1>") == 1 and "\x1b" not in text
    assert len(text.split("\n## ")[0].strip().splitlines()) <= 10


def test_without_a_treatment_nothing_changes():
    text = report(None)
    assert "**Probable cause:**" in text and "Experiment" not in text


def test_sentences_name_what_an_arm_changes_and_nothing_twice():
    words = {"residual=on": "residual connections", "residual=on,norm=pre": "residual + norm", "norm": "a norm first"}
    assert in_words("residual=on,norm=pre helps, residual=on less.", words) == (
        "residual + norm helps, residual connections less."
    )
    # Words that were put in are not looked at again, nor parts of other words.
    assert in_words("norm helps, normal is not it", words) == "a norm first helps, normal is not it"
    assert in_words("as it was", {}) == "as it was"
