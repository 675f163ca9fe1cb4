import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.oscillation import detect

X = np.linspace(0, 1, 121)[1:]


def swinging(amplitude: float, cycles: float = 10) -> np.ndarray:
    return 1 + amplitude * np.sin(2 * np.pi * cycles * X)


@pytest.mark.parametrize("cycles", [7, 10, 24.5])
def test_period_and_amplitude(log, cycles):
    found = detect(log(swinging(0.4, cycles), step=10))
    assert found.name == Name.OSCILLATION
    assert found.evidence["period"] == pytest.approx(1200 / cycles, rel=0.05)
    assert found.evidence["amplitude"] == pytest.approx(0.4, rel=0.1)


@pytest.mark.parametrize(("amplitude", "is_found"), [(0.1, False), (0.2, True)])
def test_the_swing_must_be_wide(log, amplitude, is_found):
    assert (detect(log(swinging(amplitude))) is not None) is is_found


def test_swings_around_a_larger_fall_are_none(log):
    assert detect(log(swinging(0.3) + 4 * (1 - X))) is None


def test_noise_of_small_batches_around_a_fall_is_none(log):
    draw = np.random.default_rng(0)
    falling = 0.2 + 0.8 * np.exp(-8 * X)
    assert all(detect(log(falling * np.exp(draw.normal(0, 0.5, len(X))))) is None for _ in range(50))


def test_drifting_noise_has_no_period(log):
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(100):
        drift = np.zeros(len(X))
        for i in range(1, len(X)):
            drift[i] = 0.9 * drift[i - 1] + draw.normal(0, 0.15)
        alarms += detect(log(np.exp(drift))) is not None
    assert alarms <= 2


def test_a_logged_schedule_explains_a_period(log):
    cycles = 0.5 - 0.5 * np.cos(2 * np.pi * 10 * X)
    assert detect(log(swinging(0.4), learning_rate=1e-3 * (1 - X))) is not None
    assert detect(log(swinging(0.4), learning_rate=1e-3 * cycles)) is None


def test_a_sum_that_begins_anew_at_every_epoch_is_bookkeeping(log):
    assert detect(log(np.tile(np.arange(1.0, 11), 12), steps_per_epoch=10.0)) is None


def test_a_period_of_an_epoch_speaks_for_rows_in_order(log):
    found = detect(log(swinging(0.4), steps_per_epoch=12.0))
    assert found.causes[0].cause == "the rows are not shuffled"
    assert found.today[0].flags == "--train_sampling_strategy random"
    assert detect(log(swinging(0.4), steps_per_epoch=31.0)).causes[0].cause != "the rows are not shuffled"


@pytest.mark.parametrize(("width", "is_found"), [(0.05, False), (0.8, True)])
def test_jumps_that_grow(log, width, is_found):
    draw = np.random.default_rng(2)
    values = np.exp(draw.normal(0, 0.02 + width * np.linspace(0, 1, 300) ** 2))
    assert (detect(log(values)) is not None) is is_found


def test_jumps_that_shrink_are_none(log):
    draw = np.random.default_rng(3)
    assert detect(log(np.exp(draw.normal(0, 0.5 * (1 - X))))) is None


def test_evaluations_that_never_calm_down(log):
    draw = np.random.default_rng(4)
    train = 0.2 + 0.8 * np.exp(-8 * X)
    wild = np.exp(draw.normal(0, 0.6, 40))
    calming = np.exp(draw.normal(0, 0.6, 40) * np.where(np.arange(40) < 20, 1, 0.05))
    accuracy = lambda loss: {"accuracy": np.clip(1 - loss / 5, 0, 1)}  # noqa: E731
    assert detect(log(train, wild, metrics=accuracy(wild))) is not None
    assert detect(log(train, calming, metrics=accuracy(calming))) is None
    assert detect(log(train, wild, metrics={"accuracy": np.full(40, 0.99)})) is None


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0] * 4])
def test_few_points_say_nothing(log, values):
    assert detect(log(values)) is None
