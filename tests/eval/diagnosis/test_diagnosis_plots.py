"""The curves of a diagnosis: onsets and restarts in their places, a log axis where needed, letters large enough."""

import numpy as np
import pytest
from matplotlib.text import Text

from eval.diagnosis.finding import Finding, Name, Onset
from eval.diagnosis.history import Curve, History
from eval.pages import png
from eval.plots.diagnosis import DRAWN, draw_loss, draw_metrics

PHONE = 390
"""Pixels of width."""


def found(name: Name, step: float | None) -> Finding:
    onset = None if step is None else Onset(step, None)
    return Finding(name=name, severity=0.5, confidence=0.9, onset=onset, evidence={}, causes=[])


def log(values, **changes) -> History:
    return History(source="x", train=Curve(np.arange(1.0, len(values) + 1), np.asarray(values, float)), **changes)


def upright(axes) -> list[float]:
    """Where upright lines stand."""
    return [
        line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
    ]


def test_onsets_are_marked_and_named_and_restarts_marked():
    history = log(np.linspace(1, 0.5, 100), restarts=(20.0, 60.0), validation=Curve(np.array([50.0, 99]), np.ones(2)))
    findings = [found(Name.OVERFITTING, 70.0), found(Name.UNDERTRAINED, None), found(Name.DEAD_UNITS, 10.0)]
    [axes] = draw_loss(history, findings).axes
    assert upright(axes) == [20, 60, 70, 10]
    names = {text.get_text().strip("◂▸ "): text for text in axes.texts}
    assert list(names) == ["overfitting", "dead units"]
    # In the right half to the left of its line, else to the right: never off the page.
    assert (names["overfitting"].get_ha(), names["dead units"].get_ha()) == ("right", "left")
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["training (running median)", "evaluation", "restart"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (np.linspace(2, 0.1, 50), "linear"),
        (np.geomspace(11, 0.01, 50), "log"),
        (np.geomspace(1, 1e-4, 50) - 0.1, "linear"),
        ([0.5, 1e9, np.inf, np.nan], "log"),
    ],
)
def test_a_log_axis_where_the_loss_spans_decades(values, scale):
    assert draw_loss(log(values)).axes[0].get_yscale() == scale


@pytest.mark.parametrize("values", [[np.nan] * 5, [np.inf], [0.0] * 5, [3e38] * 9, [1e308, 1.0], [0.7]])
def test_losses_that_cannot_be_drawn_are_no_fault(values):
    figure = draw_loss(log(values), [found(Name.DIVERGENCE, 1.0)])
    assert len(png(figure)) > 1000
    broken = [line for line in figure.axes[0].lines if line.get_label() == "training loss no number"]
    assert bool(broken) == (not np.isfinite(values).all() or max(values) > 1e300)


def test_a_million_points_are_thinned():
    history = log(np.random.default_rng(0).random(10**6))
    assert max(len(line.get_xdata()) for line in draw_loss(history).axes[0].lines) <= 2 * DRAWN


def test_metrics_of_one_scale():
    step = np.arange(1.0, 6)
    sizes = {"accuracy": 0.9, "f1": 0.8, "perplexity": 30.0, "eval_x_loss": 0.5, "a$b$": 0.5}
    history = History(source="x", metrics={name: Curve(step, size * step / 5) for name, size in sizes.items()})
    figure = draw_metrics(history, [found(Name.OVERFITTING, 2.0)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f1", "accuracy", r"a\$b\$"]
    assert upright(figure.axes[0]) == [2] and len(png(figure)) > 1000
    [alone] = draw_metrics(History(source="x", metrics={"wer": Curve(step, step)})).axes
    assert alone.get_ylabel() == "wer" and not alone.figure.legends


def test_nothing_to_draw():
    assert draw_loss(History(source="x")) is None and draw_metrics(History(source="x")) is None
    assert draw_metrics(History(source="x", metrics={"f1": Curve(np.array([1.0]), np.array([np.nan]))})) is None


def test_letters_can_be_read_on_a_telephone():
    history = log(np.geomspace(5, 0.01, 100), validation=Curve(np.array([50.0, 99]), np.ones(2)))
    figure = draw_loss(history, [found(Name.VANISHING_GRADIENTS, 70.0)])
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes) / 72 * PHONE / figure.get_size_inches()[0] >= 8


def test_a_spike_of_a_long_log_is_drawn():
    values = np.full(50_000, 0.5)
    values[31_234] = 9.0
    figure = draw_loss(History(source="test", train=Curve(np.arange(50_000.0), values)))
    assert max(np.max(line.get_ydata()) for line in figure.axes[0].lines) == 9.0
