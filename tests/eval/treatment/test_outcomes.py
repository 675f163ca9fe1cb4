"""The figures that a treatment judges by, above all the swing: against the closed form of plain SGD."""

import numpy as np
import pytest
from scipy.signal import lfilter

from eval.calibration import plug_in_calibration_error
from eval.diagnosis.history import Curve, Gradients, History
from eval.treatment.outcomes import outcomes, swing


def variance(rate: float, batch: float, curvature: float, noise: float) -> float:
    """Of the parameter, by the fixed point of v = (1 - r h)^2 v + r^2 s^2 / B."""
    return rate * noise**2 / (batch * curvature * (2 - rate * curvature))


def walk(rate: float, batch: float, curvature: float = 1.0, noise: float = 2.0, every: int = 13, points: int = 20000):
    """The parameter under plain SGD on curvature x^2 / 2 at every so many steps, begun in its steady state."""
    draw = np.random.default_rng(0)
    keep = 1 - rate * curvature
    # `every` steps at once: their noise adds up as a geometric series.
    variance_of_steps = (rate * noise) ** 2 / batch * (1 - keep ** (2 * every)) / (1 - keep**2)
    jumps = draw.normal(0, np.sqrt(variance_of_steps), points)
    jumps[0] = draw.normal(0, np.sqrt(variance(rate, batch, curvature, noise)))
    return lfilter([1.0], [1.0, -(keep**every)], jumps)


def curve(values) -> Curve:
    return Curve(np.arange(1.0, len(values) + 1), np.asarray(values, float))


@pytest.mark.parametrize(("rate", "batch"), [(0.1, 4), (0.4, 16), (1.0, 4), (1.6, 8), (1.9, 4)])
def test_the_swing_follows_the_closed_form(rate, batch):
    """Of rate, batch and edge of stability alike: r / (B (2 - r h)) tells how the swing of the loss changes."""
    x, reference = walk(rate, batch), walk(0.5, 8)
    assert x.var() == pytest.approx(variance(rate, batch, 1.0, 2.0), rel=0.1)
    seen = swing(curve(0.4 + x**2 / 2)) / swing(curve(0.4 + reference**2 / 2))
    assert seen == pytest.approx(variance(rate, batch, 1.0, 2.0) / variance(0.5, 8, 1.0, 2.0), rel=0.1)


def test_the_batch_alone_moves_a_training_loss_but_no_swing():
    """Parameters that stand still: the loss of batches jumps by 1 / sqrt(B), the validation loss does not move."""
    draw = np.random.default_rng(1)
    rows = draw.gamma(1.0, size=4000)
    jumps = {size: swing(curve([draw.choice(rows, size).mean() for _ in range(600)])) for size in (4, 64)}
    assert jumps[4] / jumps[64] == pytest.approx(4, rel=0.25)
    assert swing(curve([rows.mean()] * 600)) < 1e-12


def test_noise_is_measured_whatever_the_trend():
    draw, at = np.random.default_rng(2), np.linspace(0, 1, 3000)
    noise = draw.normal(0, 0.05, 3000)
    assert swing(curve(noise)) == pytest.approx(0.05, rel=0.05)
    bent = swing(curve(noise + 2 - 3 * at + 2 * at**2))
    assert bent == pytest.approx(swing(curve(noise)), rel=0.01)
    assert swing(curve(2 - 3 * at + 2 * at**2)) < 1e-9


def test_one_evaluation_makes_no_swing_and_few_tell_none():
    draw = np.random.default_rng(4)
    values = draw.normal(0.4, 0.01, 30)
    before = swing(curve(values))
    values[20] = 50.0
    assert swing(curve(values)) < 2 * before
    assert np.isnan(swing(curve(values[:10]))) and np.isfinite(swing(curve(values[:11])))
    # The fall of the start is none either.
    falling = np.concatenate([np.linspace(9, 0.4, 10), np.full(20, 0.4)])
    assert swing(curve(falling)) < 1e-12


def test_every_figure_of_a_log():
    steps = np.arange(1.0, 41)
    depth = np.arange(6)
    norms = np.tile(10.0 ** (depth - 5), (4, 1))
    gradients = Gradients(
        [f"layers.{index}" for index in depth],
        np.array([1.0, 10, 20, 40]),
        {"norm": norms, "dead_fraction": np.full((4, 6), 0.25)},
    )
    history = History(
        source="x",
        train=Curve(steps, 2 * np.exp(-steps / 10) + 0.1),
        validation=Curve(steps, 1 / steps + 0.01 * steps),
        metrics={"accuracy": Curve(steps, steps / 100), "eval_f1": Curve(steps, steps / 50)},
        gradients=gradients,
    )
    found = outcomes(history)
    assert found["best_validation_loss"] == pytest.approx(0.2) and found["validation_loss"] == pytest.approx(0.425)
    assert found["accuracy"] == 0.4 and found["f1"] == 0.8
    assert found["training_loss"] == pytest.approx(0.1, abs=0.07)
    assert found["training_fall"] == pytest.approx(0.93, abs=0.03)
    assert found["gradient_ratio"] == pytest.approx(-5) and found["dead_share"] == 0.25 and found["diverged"] == 0
    assert found["swing"] < 0.02 and np.isnan(found["calibration"])

    draw = np.random.default_rng(0)
    positive = draw.uniform(size=200)
    predictions = np.column_stack([1 - positive, positive]), draw.integers(0, 2, 200)
    figures = {"test": {"accuracy": {"value": 0.9}, "f1": {"value": None}}}
    tested = outcomes(history, figures, predictions)
    assert tested["accuracy"] == 0.9 and np.isnan(tested["f1"])
    assert tested["calibration"] == plug_in_calibration_error(*predictions)


def test_a_run_that_is_lost_or_says_nothing():
    steps = np.arange(1.0, 21)
    lost = outcomes(History(source="x", train=Curve(steps, np.where(steps > 12, np.nan, 1 / steps))))
    assert lost["diverged"] == 1 and np.isnan(lost["training_loss"])
    assert all(np.isnan(figure) for figure in outcomes(History(source="x")).values())


def test_what_is_worse_than_a_guess_or_broken_counts_as_a_guess():
    steps = np.arange(1.0, 31)

    def capped(losses):
        return outcomes(History(source="x", train=Curve(steps, losses), classes=4))["capped_training_loss"]

    assert capped(2 * np.exp(-steps / 10)) == pytest.approx(2 * np.exp(-2.8), abs=0.02)
    assert capped(500 / steps) == capped(np.where(steps > 12, np.nan, 1 / steps)) == np.log(4)
