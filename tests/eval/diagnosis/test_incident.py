"""incident.md and diagnosis.json: short first lines, nothing of a log taken for markup, and a shape that is checked."""

import copy
import json
import math

import numpy as np
import pytest
from markdown_it import MarkdownIt

from cli.errors import UserError
from eval.diagnosis.document import document
from eval.diagnosis.finding import Action, Cause, Diagnosis, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.incident import incident
from eval.diagnosis.verdict import diagnose
from eval.diagnosis.words import figure, figures, in_a_row, judged_by, since
from eval.run_directory import read_diagnosis, validate_diagnosis, write_json
from tests.eval.diagnosis import simulated

HOSTILE = "<script>alert(1)</script> | ![x](http://h/x.png) [y](http://h) `code` # *b*\n# top\x1b[31m"


def finding(name=Name.OVERFITTING, text="words", **changes) -> Finding:
    fields = {
        "name": name,
        "severity": 0.5,
        "confidence": 0.9,
        "onset": Onset(428.0, 2.0),
        "evidence": {"best_step": 428.0, f"rise_{text}": 0.25},
        "causes": [Cause(cause=text, for_=[text], against=[text]), Cause(cause="another")],
        "ruled_out": [RuledOut(text, text)],
        "today": [Action(text, f"--weight_decay 0.1 {text}"), Action("look")],
        "next_week": [text],
        "confirm_by": [text],
    }
    return Finding(**(fields | changes))


def log(**changes) -> History:
    steps = np.arange(1.0, 13)
    return History(**({"source": "runs/a", "train": Curve(steps, 1 / steps), "steps_per_epoch": 4.0} | changes))


def html(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


SICK = [name for name in Name if name not in (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE)]


@pytest.mark.parametrize("name", SICK)
def test_the_first_lines_are_all_that_must_be_read(name):
    text = incident(Diagnosis(name, [finding(name)], []), log())
    first = text.split("\n## ")[0].strip().splitlines()
    assert len(first) <= 10 and first[0] == f"# {name.replace('_', ' ').capitalize()} in runs/a"
    marks = [line.split("**")[1] for line in first if "**" in line]
    assert marks == ["Symptom:", "Probable cause:", "Immediate mitigation:", "Longer-term fix:"]
    assert "since step 428 (epoch 2)" in text and "`--weight_decay 0.1 words`" in text


def test_all_that_is_known_stands_in_it():
    further = finding(Name.UNDERTRAINED, onset=None, severity=0.2, confidence=0.4)
    text = incident(
        Diagnosis(Name.OVERFITTING, [finding(), further], ["gradient norms by layer"]),
        log(notes=("some steps are negative",)),
        plots={"diagnosis/loss": "The losses"},
        commands={"Again": "python eval/diagnose.py runs/a"},
    )
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Evidence",
        "Causes, the likeliest first",
        "Ruled out",
        "What to do",
        "What would confirm it",
        "Further findings",
        "What the log does not tell",
        "Commands",
    ]
    assert "Judged by 12 training losses and no evaluation up to step 12 (epoch 3)" in text
    assert "severity 0.20 (mild), confidence 0.40 (unsure)" in text.lower()
    page = html(text)
    assert '<img src="diagnosis/loss.png" alt="The losses"' in page
    assert "<code>python eval/diagnose.py runs/a\n</code>" in page


def test_nothing_to_report():
    assert incident(Diagnosis(Name.HEALTHY, [finding(confidence=0.3)], []), log()) is None
    assert incident(Diagnosis(Name.INSUFFICIENT_EVIDENCE, [], ["a loss"]), log()) is None


def test_a_finding_of_which_little_is_known():
    bare = Finding(name=Name.PLATEAU, severity=1.0, confidence=1.0, onset=None, evidence={}, causes=[])
    text = incident(Diagnosis(Name.PLATEAU, [bare, bare], []), log())
    assert "not told by this log" in text.lower() and len(text.split("\n## ")[0].splitlines()) <= 10


def test_no_text_of_a_log_is_taken_for_markup():
    sick = finding(text=HOSTILE)
    history = log(source=HOSTILE, notes=(HOSTILE,))
    text = incident(
        Diagnosis(Name.OVERFITTING, [sick, sick], [HOSTILE]), history, commands={"Again": f"python x {HOSTILE}"}
    )
    page = html(text)
    assert not any(tag in page for tag in ("<script", "<img", "<a ", "<em>"))
    assert page.count("<h1>") == 1 and "\x1b" not in text
    assert page.count("<td>") + page.count("<td ") == 2 * 2 + 2 * 3 + 2  # figures, causes, ruled out


def test_words():
    assert [figure(value) for value in (12345.0, 0.25, 1.2e-7, 23456.78, math.inf, math.nan, 1e300)] == [
        "12,345",
        "0.25",
        "1.2e-07",
        "23,456.8",
        "infinite",
        "no number",
        "1e+300",
    ]
    assert since(finding(onset=Onset(3.0, 3.0))) == " since epoch 3"
    assert since(finding(onset=Onset(3.0, None))) == " since step 3"
    assert since(finding(onset=Onset(None, None))) == since(finding(onset=None)) == ""
    assert judged_by(History(source="x")) == "no training loss and no evaluation"


def test_real_findings_have_the_shape(tmp_path):
    """Simulated runs of every kind: written, read back, and reported where they are sick."""
    draw, reported = np.random.default_rng(0), 0
    for _ in range(60):
        _, _, history = simulated.sick(draw)
        diagnosis = diagnose(history)
        content = document(diagnosis)
        json.dumps(content, allow_nan=False)
        validate_diagnosis(content, "diagnosis.json")
        text = incident(diagnosis, history)
        assert (text is None) == (content["verdict"] in ("healthy", "insufficient_evidence"))
        if text:
            reported += 1
            assert len(text.split("\n## ")[0].splitlines()) <= 10
            html(text)
    assert reported > 40
    write_json(tmp_path / "diagnosis.json", content)
    assert read_diagnosis(tmp_path / "diagnosis.json") == content


def test_figures_that_json_cannot_hold_are_left_out():
    sick = finding(evidence={"norm": math.inf, "loss": math.nan, "rise": np.float64(0.5)}, onset=None)
    content = document(Diagnosis(Name.OVERFITTING, [sick], []))["findings"][0]
    assert content["evidence"] == {"rise": 0.5} and content["onset"] == {"step": None, "epoch": None}
    assert content["causes"][0] == {"cause": "words", "for": ["words"], "against": ["words"]}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d.pop("verdict"), "has no 'verdict'"),
        (lambda d: d.update(schema=9), "has schema 9; this version reads 1"),
        (lambda d: d.update(verdict="unwell"), "has the unknown verdict 'unwell'"),
        (lambda d: d.update(findings=["x"]), r"findings\[0\] is not a JSON object"),
        (lambda d: d["findings"][0].update(name="x"), r"findings\[0\] has the unknown name 'x'"),
        (lambda d: d["findings"][0].update(severity=2), r"findings\[0\].severity is 2"),
        (lambda d: d["findings"][0].update(onset={"step": "1"}), r"findings\[0\].onset has a 'step' of the wrong type"),
        (lambda d: d["findings"][0]["evidence"].update(rise=None), r"findings\[0\].evidence has a 'rise'"),
        (lambda d: d["findings"][0]["causes"][1].pop("for"), r"findings\[0\].causes\[1\] has no 'for'"),
        (lambda d: d["findings"][0]["today"][0].update(flags=None), r"findings\[0\].today\[0\] has a 'flags'"),
    ],
)
def test_a_diagnosis_out_of_shape_names_the_key(tmp_path, spoil, words):
    content = document(Diagnosis(Name.OVERFITTING, [finding()], []))
    validate_diagnosis(content, "d.json")
    spoilt = copy.deepcopy(content)
    spoil(spoilt)
    write_json(tmp_path / "d.json", spoilt)
    with pytest.raises(UserError, match=words) as error:
        read_diagnosis(tmp_path / "d.json")
    assert str(error.value).startswith(str(tmp_path / "d.json")) and "\n" not in str(error.value)


def test_an_interval_stands_beside_its_figure():
    sick = finding(evidence={"factor": 0.12, "factor_low": 0.1, "factor_high": 0.15, "low": 3.0})
    assert figures(sick) == {"factor": "0.12 [0.1, 0.15]", "low": "3"}
    assert in_a_row(figures(sick), 1) == "factor 0.12 [0.1, 0.15]"
