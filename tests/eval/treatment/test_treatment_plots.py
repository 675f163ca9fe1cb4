"""The plots of a treatment: what they draw is what was measured."""

import numpy as np

from eval.diagnosis.history import Curve
from eval.pages import png
from eval.plots.treatment import draw_arms, draw_before_after, draw_interaction
from tests.eval.treatment.test_treatment_document import treated


def test_arms_on_a_log_axis():
    arms = treated()["arms"]
    [axes] = (figure := draw_arms(arms, {"rate=lower": "a rate of $1$"})).axes
    assert axes.get_xscale() == "log" and "times the control (left is better)" in axes.get_xlabel()
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *(r"a rate of \$1\$" if arm["name"] == "rate=lower" else arm["name"] for arm in arms["arms"]),
    ]
    drawn = [line.get_xdata() for line in axes.lines]
    for arm in arms["arms"]:
        assert any(np.allclose(x, [arm["effect"]["low"], arm["effect"]["high"]]) for x in drawn if len(x) == 2)
        assert any(np.allclose(x, arm["effect"]["value"]) for x in drawn if len(x) == 1)
    assert png(figure).startswith(b"\x89PNG")


def test_arms_by_their_difference():
    [ranking] = treated()["rankings"]
    [axes] = draw_arms(ranking).axes
    assert axes.get_xscale() == "linear" and "arm minus control (right is better)" in axes.get_xlabel()
    nothing = ranking | {"arms": [arm | {"effect": dict.fromkeys(arm["effect"])} for arm in ranking["arms"]]}
    assert png(draw_arms(nothing))


def test_the_interaction_of_the_2_by_2():
    cause = treated()["cause"]
    [axes] = draw_interaction(cause).axes
    heights = np.array([line.get_ydata() for line in axes.lines])
    assert np.allclose(np.exp(heights), [[0.5, 0.03], [0.5, 0.03]], rtol=0.01)
    assert draw_interaction(cause | {"effects": None}) is None


def test_every_seed_is_drawn_and_their_median():
    steps = np.arange(1.0, 9)
    before = [Curve(steps, np.full(8, height)) for height in (1.0, 2.0, 6.0)]
    after = [Curve(steps[:6], np.full(6, 0.5)), Curve(steps, np.where(steps == 3, np.nan, 0.7))]
    [axes] = (figure := draw_before_after(before, after, "a lower rate")).axes
    assert len(axes.lines) == 3 + 1 + 2 + 1
    assert np.all(axes.lines[3].get_ydata() == 2.0)
    middle = axes.lines[6]
    assert middle.get_xdata().tolist() == [1, 2, 4, 5, 6] and np.allclose(middle.get_ydata(), 0.6)
    assert png(figure) and png(draw_before_after([], after, "x"))
