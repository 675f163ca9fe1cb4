"""The part that holds a model to its targets, on a model of a few words."""

import copy
import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from eval.pages import png
from eval.parts import reliability
from eval.run_directory import plain
from eval.subject import Options
from eval.targets import TARGETS

SPEC = importlib.util.spec_from_file_location(
    "targets_models", Path(__file__).parents[1] / "reliability" / "conftest.py"
)
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


@pytest.fixture(scope="module")
def alone():
    """Of a word counter, who is deaf to "not"."""
    return as_json(models.make_subject(models.WordCounter()))


@pytest.fixture(scope="module")
def paired():
    """The same beside one who is less sure, and finds that every "not" is praise."""
    other = models.make_subject(models.WordCounter(scale=0.3, **{"not": 2}))
    return as_json(models.make_subject(models.WordCounter(), other=other))


def as_json(subject):
    return plain(asdict(reliability.measure(subject, Options(seed=2))))


def by_name(data):
    return {row["figure"]: row for row in data["figures"]}


def all_met(data):
    data = copy.deepcopy(data)
    for row in data["figures"]:
        row["this"] |= {"value": 0.0, "low": 0.0, "high": 0.01}
        if row["below"] is not None:
            row |= {"met": True, "surely_met": True}
    return data


def test_alone_every_failure_is_held_to_its_target(alone):
    rows = by_name(alone)
    assert list(rows) == [*TARGETS, "confident_errors", "confident_errors_calibrated"]
    assert all(row["other"] is None and row["this"]["n"] >= 50 for row in rows.values())
    deaf = rows["not_negative_read_negative"]
    assert deaf["this"]["value"] == 1 and deaf["below"] == 0.15 and deaf["met"] is False
    section = reliability.section(alone)
    met = sum(rows[name]["met"] for name in TARGETS)
    assert section.startswith(f"**{met} of the 10 targets for failures are met, ")
    assert "the other model" not in section and "(reliability_targets.png)" in section
    assert "| “not” + negative word read as negative | 100 | 100.0% [96.3%, 100.0%] | under 15% | no |" in section
    assert "for seed 2" in section


def test_beside_another_the_differences_and_the_accuracies_are_told(paired):
    rows = by_name(paired)
    assert list(rows)[-2:] == ["test_accuracy", "imdb_accuracy"]
    assert rows["imdb_accuracy"]["this"]["n"] == reliability.OTHER_ROWS
    assert rows["not_negative_read_negative"]["other"]["value"] < 0.5
    for row in rows.values():
        assert row["difference"]["value"] == pytest.approx(row["this"]["value"] - row["other"]["value"])
        assert row["difference"]["low"] < row["difference"]["high"]
    section = reliability.section(paired)
    assert "(the other model meets " in section and "Agresti" in section
    assert section.count("\n| ") == 1 + len(rows)
    assert "| at most 0.5 points lost |" in section and "| nothing lost |" in section


def test_the_worst_miss_and_the_worst_loss_are_told_in_two_lines(alone, paired):
    (missed,) = reliability.remarks(alone)
    assert missed.kind == "bad"
    assert missed.text == "“not” + negative word read as negative in 100% of 100 cases; the target is under 15%"
    missed_too, lost = reliability.remarks(paired)
    assert missed_too == missed
    assert lost.text.startswith("Worse than the other model: “not” + negative word read as negative, +")


def test_praise_where_all_targets_are_met_and_silence_where_a_miss_may_be_chance(alone):
    (praise,) = reliability.remarks(all_met(alone))
    assert (praise.kind, praise.text) == ("good", "All 10 targets of reliability are met, 10 of them surely")
    assert reliability.section(all_met(alone)).startswith("**All 10 targets for failures are met, 10 of them surely")
    by_chance = all_met(alone)
    by_chance["figures"][4] |= {"met": False, "surely_met": False}
    by_chance["figures"][4]["this"] |= {"value": 0.04, "low": 0.01, "high": 0.09}
    assert reliability.remarks(by_chance) == []


@pytest.mark.parametrize("figure", reliability.NAMES)
def test_a_line_about_any_figure_is_short(paired, figure):
    data = all_met(paired)
    data["figures"] = [row for row in data["figures"] if row["figure"] != "imdb_accuracy"]
    for row in data["figures"]:
        row["difference"] |= {"value": 0.0, "low": -0.01, "high": 0.01}
    row = copy.deepcopy(data["figures"][0]) | {"figure": figure}
    sign = -1 if figure.endswith("_accuracy") else 1
    ends = sorted((sign * 0.107, sign * 0.555))
    row["difference"] = {"value": sign * 0.333, "low": ends[0], "high": ends[1], "n": 852}
    if figure in TARGETS:
        row["this"] = {"value": 0.555, "low": 0.5, "high": 0.6, "n": 350}
    data["figures"] = [own for own in data["figures"] if own["figure"] != figure] + [row]
    remarks = reliability.remarks(data)
    assert len(remarks) == 2 and all(len(remark.text) <= 110 for remark in remarks)
    assert remarks[1].kind == "bad" and "…" not in remarks[1].text.replace("used to …, but now …", "")
    assert 0 <= remarks[1].weight <= 0.75


def test_a_model_of_one_answer_is_not_praised():
    data = as_json(models.make_subject(models.WordCounter(the=90)))
    assert data["degenerate"] == "positive"
    assert [remark.kind for remark in reliability.remarks(data)] == ["bad"]
    assert reliability.section(data).startswith("**Every test row is called positive")


def test_the_plot_has_a_row_a_figure_and_a_tick_a_target(alone, paired):
    for data, models_drawn in ((alone, 1), (paired, 2)):
        ((name, figure),) = reliability.plots(data).items()
        (axes,) = figure.axes
        assert name == "reliability_targets" and png(figure).startswith(b"\x89PNG")
        assert len(axes.get_yticks()) == 12
        (ticks,) = [line for line in axes.lines if line.get_label() == "target: left of it"]
        assert list(ticks.get_xdata()) == [100 * most for most in TARGETS.values()]
        assert len(axes.containers) == models_drawn
