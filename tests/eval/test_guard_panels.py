"""Guards as they are drawn: losses, not differences."""

from dataclasses import asdict

import numpy as np
import pytest

from eval.guard_panels import guard_panels
from eval.guards import judge_guard
from eval.paired import paired_t
from eval.plots.guards import draw_guards
from eval.verdicts import higher_is_better

ACCURACY, LOSS = [-0.004, -0.001, -0.002, 0.001], [0.02, 0.05, 0.03]


def guard(figure, differences, margin, level="on"):
    test = paired_t(np.asarray(differences, float))
    return asdict(judge_guard(figure, margin, ("treatment", level, "off"), test, higher=higher_is_better(figure)))


def test_a_loss_is_to_the_right_whatever_way_is_better():
    accuracy, errors = guard("test.accuracy", ACCURACY, 0.005), guard("reliability.confident_errors", LOSS, 0.02)
    (panel,) = guard_panels([accuracy, errors])
    assert panel.quantity == "points worse"
    fallen, risen = panel.rows
    assert fallen.seeds == pytest.approx([0.4, 0.1, 0.2, -0.1]) and risen.seeds == pytest.approx([2, 5, 3])
    for row, (value, low, high) in ((fallen, (-100, "high", "low")), (risen, (100, "low", "high"))):
        ends = value * row.guard["estimate"][low], value * row.guard["estimate"][high]
        assert (row.loss.low, row.loss.high) == pytest.approx(ends)
        assert row.loss.value == pytest.approx(np.mean(row.seeds)) and row.loss.low < row.loss.value < row.loss.high
    assert (fallen.margin, risen.margin) == pytest.approx((0.5, 2))


def test_what_is_read_in_points_shares_an_axis_and_each_other_figure_has_its_own():
    figures = ["test.log_loss", "test.accuracy", "test.perplexity", "test.f1", "test.log_loss"]
    panels = guard_panels([guard(figure, LOSS, 0.1) for figure in figures])
    assert [(panel.quantity, len(panel.rows)) for panel in panels] == [
        ("test log loss, worse by", 2),
        ("points worse", 2),
        ("test perplexity, worse by", 1),
    ]


def test_an_axis_holds_all_of_its_rows_and_what_is_allowed():
    panels = guard_panels([guard("test.accuracy", ACCURACY, 0.03), guard("test.accuracy", [], 0.0, "lost")])
    (panel,) = panels
    assert panel.low < min(panel.rows[0].loss.low, -0.1) and panel.high > 3
    (empty,) = guard_panels([guard("test.accuracy", [], 0.0)])
    assert empty.low < 0 < empty.high and empty.rows[0].loss.value is None


@pytest.mark.parametrize("count", [1, 10])
def test_each_guard_has_its_row_its_mark_and_its_shade(count):
    found = [ACCURACY, [0.01], [], [-0.03, -0.04, -0.035]]
    guards = [guard("test.accuracy", found[row % 4], 0.002 * (row + 1), f"cost $x$ {row}") for row in range(count)]
    figure = draw_guards(guards)
    (axes,) = figure.axes
    figure.draw_without_rendering()
    assert len(axes.get_yticklabels()) == len(axes.patches) == count
    left, _ = axes.get_xlim()
    for row, (shade, one) in enumerate(zip(axes.patches, guards, strict=True)):
        assert shade.get_x() == left and shade.get_x() + shade.get_width() == pytest.approx(100 * one["margin"])
        assert shade.get_y() < row < shade.get_y() + shade.get_height()
    assert len(axes.texts) == (count + 1) // 4


def test_the_verdict_is_told_by_colour_and_marker():
    guards = [
        guard("test.accuracy", ACCURACY, 0.05, "held"),
        guard("test.accuracy", [-0.03, -0.04, -0.035], 0.005, "broken"),
        guard("test.log_loss", [0.1], 0.1, "open"),
    ]
    assert [one["verdict"] for one in guards] == ["held", "broken", "open"]
    figure = draw_guards(guards)
    points, loss = figure.axes
    drawn = [line for axes in (points, loss) for line in axes.lines if line.get_marker() in ("^", "v", "o")]
    assert [line.get_marker() for line in drawn] == ["^", "v", "o"]
    assert len({line.get_color() for line in drawn}) == 3 and drawn[2].get_markerfacecolor() == "white"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["held", "broken", "open", "one seed", "allowed", "the most that is allowed"]
