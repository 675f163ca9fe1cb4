"""Logs made up from closed forms: healthy runs of every kind, and sick ones with what may be said of them."""

from collections.abc import Callable

import numpy as np

from eval.diagnosis.history import EMPTY, Curve, History

Draw = np.random.Generator


def healthy(draw: Draw) -> tuple[str, History]:
    """A run that is well, of a kind drawn at random, with the name of the kind."""
    kind = HEALTHY[draw.integers(len(HEALTHY))]
    return kind.__name__.lstrip("_"), kind(draw)


def sick(draw: Draw) -> tuple[str, set[str], History]:
    """A sick run of a kind drawn at random, with the name of the kind and the verdicts that are right."""
    kind, accepted = list(SICK.items())[draw.integers(len(SICK))]
    return kind.__name__.lstrip("_"), accepted, kind(draw)


def _log_uniform(draw: Draw, low: float, high: float) -> float:
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def _points(draw: Draw, fewest: int = 3, most: int = 300) -> int:
    return int(_log_uniform(draw, fewest, most + 1))


def _made(
    draw: Draw,
    shape: Callable[[np.ndarray], np.ndarray],
    *,
    of_validation: Callable[[np.ndarray], np.ndarray] | None = None,
    noise: float | None = None,
    validation_noise: float | None = None,
    evaluations: int | None = None,
    rates: Callable[[np.ndarray], np.ndarray] | None = None,
    scale: float | None = None,
    lines: int | None = None,
    shares: tuple[float, float] | None = None,
) -> History:
    """A log of curves over the share of the run in (0, 1]; the noise is lognormal and multiplied.

    Half of the logs have an accuracy, that goes from the first to the second of `shares` as the evaluation loss falls.
    """
    scale = _log_uniform(draw, 1e-3, 1e4) if scale is None else scale
    noise = _log_uniform(draw, 0.001, 0.6) if noise is None else noise
    validation_noise = min(noise, _log_uniform(draw, 0.001, 0.05)) if validation_noise is None else validation_noise
    evaluations = _points(draw) if evaluations is None else evaluations
    lines = int(evaluations * draw.choice([1, 1, 4, 10])) if lines is None else lines
    steps = draw.choice([1, 10, 137]) * lines
    train = (np.arange(lines) + 1) / lines
    validation = (np.arange(evaluations) + 1) / evaluations if evaluations else np.empty(0)
    values = shape(train) * np.exp(draw.normal(0, noise, lines) - noise**2 / 2)
    later = (of_validation or (lambda x: shape(x) * 1.1))(validation)
    metrics = {}
    if evaluations and draw.random() < 0.5:
        low, high = shares or (draw.uniform(0.02, 0.5), draw.uniform(0.7, 0.99))
        at_start = (of_validation or shape)(np.zeros(1))[0]
        learned = np.clip((at_start - later) / (at_start - min(later.min(), at_start * 0.99)), 0, 1)
        share = low + (high - low) * learned + draw.normal(0, 0.005, evaluations)
        metrics["accuracy"] = Curve(validation * steps, np.clip(share, 0, 1))
    later = later * np.exp(draw.normal(0, validation_noise, len(validation)))
    return History(
        source="simulated",
        train=Curve(train * steps, scale * values),
        validation=Curve(validation * steps, scale * later) if evaluations else EMPTY,
        metrics=metrics,
        learning_rate=Curve(train * steps, 1e-3 * rates(train)) if rates else EMPTY,
        steps_per_epoch=float(steps / draw.choice([3, 10])),
    )


def _falling(draw: Draw) -> Callable[[np.ndarray], np.ndarray]:
    """An exponential or a power law down to a floor that it has reached."""
    floor = draw.uniform(0.02, 0.6)
    if draw.random() < 0.5:
        speed = draw.uniform(7, 25)
        return lambda x: floor + (1 - floor) * np.exp(-speed * x)
    power, soon = draw.uniform(0.8, 2), _log_uniform(draw, 0.002, 0.02)
    return lambda x: floor + (1 - floor) * (1 + x / soon) ** -power


def _settled(draw: Draw) -> History:
    return _made(draw, _falling(draw))


def _settled_without_evaluations(draw: Draw) -> History:
    return _made(draw, _falling(draw), evaluations=0, lines=_points(draw, 8, 600))


def _language_model(draw: Draw) -> History:
    """From 11 down to about 3 by a power law, slowly at the end."""
    power = draw.uniform(0.15, 0.3)
    return _made(
        draw,
        lambda x: 1.7 + 9.3 * (1 + x * 3000) ** -power,
        noise=_log_uniform(draw, 0.005, 0.05),
        validation_noise=_log_uniform(draw, 0.0005, 0.003),
        scale=1.0,
        lines=_points(draw, 50, 1000),
    )


def _long_plateau(draw: Draw) -> History:
    """Nothing for up to half of the run, then a fall to a floor."""
    when, speed, floor = draw.uniform(0.1, 0.5), draw.uniform(30, 60), draw.uniform(0.02, 0.4)
    return _made(
        draw,
        lambda x: floor + (1 - floor) / (1 + np.exp(speed * (x - when))),
        noise=_log_uniform(draw, 0.001, 0.1),
        evaluations=_points(draw, 10),
    )


def _restarts(draw: Draw) -> Callable[[np.ndarray], np.ndarray]:
    cycles = draw.integers(2, 8)
    return lambda x: 0.5 + 0.5 * np.cos(np.pi * ((x * cycles) % 1.0))


def _cyclic(draw: Draw) -> History:
    """The loss goes up and down with a logged learning rate: triangular cycles, or a cosine with restarts."""
    cycles, falling, swing = draw.integers(3, 12), _falling(draw), draw.uniform(0.05, 0.5)
    triangle = lambda x: 1 - np.abs(2 * ((x * cycles) % 1) - 1)  # noqa: E731
    rates = _restarts(draw) if draw.random() < 0.5 else triangle
    end = lambda x: np.clip(4 * (1 - x), 0, 1)  # noqa: E731
    shape = lambda x: falling(x) * (1 + swing * rates(x) * end(x))  # noqa: E731
    return _made(
        draw,
        shape,
        noise=_log_uniform(draw, 0.001, 0.1),
        evaluations=_points(draw, 20),
        rates=rates,
        lines=_points(draw, 40),
    )


def _spikes(draw: Draw) -> History:
    """Wild evaluations in the first half on a small validation set; then they calm down."""
    falling = _falling(draw)

    def of_validation(x: np.ndarray) -> np.ndarray:
        wild = (draw.random(len(x)) < 0.3) & (x < 0.5)
        return falling(x) * np.where(wild, draw.uniform(2, 20, len(x)), 1.0)

    return _made(draw, falling, of_validation=of_validation, validation_noise=0.05, evaluations=_points(draw, 12))


def _spikes_of_training(draw: Draw) -> History:
    """A training loss that jumps now and then and comes back at once."""
    falling = _falling(draw)

    def shape(x: np.ndarray) -> np.ndarray:
        return falling(x) * np.where(draw.random(len(x)) < 0.02, draw.uniform(2, 10, len(x)), 1.0)

    return _made(draw, shape, of_validation=falling, evaluations=_points(draw, 3, 30), lines=_points(draw, 40, 400))


def _from_a_low_start(draw: Draw) -> History:
    """A network that knew most before: a small fall, then flat, under batch noise."""
    gained, known = draw.uniform(0.15, 0.5), draw.uniform(0.8, 0.95)
    return _made(
        draw,
        lambda x: 1 - gained + gained * np.exp(-12 * x),
        noise=_log_uniform(draw, 0.001, 0.1),
        validation_noise=_log_uniform(draw, 0.001, 0.01),
        shares=(known, known + 0.02),
    )


def _flat_after_the_minimum(draw: Draw) -> History:
    """Training goes on falling, evaluation stays at its best under noise."""
    falling, floor = _falling(draw), draw.uniform(0.2, 0.6)
    return _made(
        draw,
        lambda x: falling(x) * (1 - 0.6 * x),
        of_validation=lambda x: floor + (1 - floor) * np.exp(-15 * x),
        noise=_log_uniform(draw, 0.001, 0.1),
        validation_noise=_log_uniform(draw, 0.001, 0.1),
    )


def _double_descent(draw: Draw) -> History:
    """Evaluation falls, goes up a little in the middle, and falls lower."""
    hump, where = draw.uniform(0.05, 0.4), draw.uniform(0.2, 0.45)
    falling = lambda x: 0.2 + 0.8 * np.exp(-9 * x)  # noqa: E731
    return _made(
        draw,
        falling,
        of_validation=lambda x: 0.3 + 0.7 * np.exp(-9 * x) + hump * np.exp(-(((x - where) / 0.08) ** 2)),
        noise=_log_uniform(draw, 0.001, 0.1),
        validation_noise=0.01,
        evaluations=_points(draw, 12),
    )


def _drift_of_batches(draw: Draw) -> History:
    """Noise that is not independent from line to line, as the order of the data makes it."""
    falling, memory = _falling(draw), draw.uniform(0.3, 0.9)

    def shape(x: np.ndarray) -> np.ndarray:
        drift = np.zeros(len(x))
        for i in range(1, len(x)):
            drift[i] = memory * drift[i - 1] + draw.normal(0, 0.03)
        return falling(x) * np.exp(drift)

    return _made(draw, shape, of_validation=falling, noise=0.01, lines=_points(draw, 30, 600))


HEALTHY = (
    _settled,
    _settled_without_evaluations,
    _language_model,
    _long_plateau,
    _cyclic,
    _spikes,
    _spikes_of_training,
    _from_a_low_start,
    _flat_after_the_minimum,
    _double_descent,
    _drift_of_batches,
)


def _turn(draw: Draw) -> History:
    """Evaluation turns up by 10% to 200% of its best, training goes on."""
    when, rise, falling = draw.uniform(0.15, 0.6), _log_uniform(draw, 0.1, 2), _falling(draw)
    best = lambda x: 0.4 + 0.6 * np.exp(-6 * x / when)  # noqa: E731
    return _made(
        draw,
        lambda x: falling(x) * (1 - 0.7 * x),
        of_validation=lambda x: best(x) * (1 + rise * np.clip((x - when) / (1 - when), 0, None)),
        noise=_log_uniform(draw, 0.001, 0.1),
        validation_noise=_log_uniform(draw, 0.001, 0.03),
        evaluations=_points(draw, 6),
    )


def _swings(draw: Draw) -> History:
    """Periodic swings of the training loss around a level, with no schedule behind them."""
    cycles, swing = draw.uniform(5, 15), draw.uniform(0.3, 0.8)
    return _made(
        draw,
        lambda x: 1 + swing * np.sin(2 * np.pi * cycles * x),
        noise=_log_uniform(draw, 0.01, 0.2),
        evaluations=_points(draw, 20),
        lines=_points(draw, 80, 600),
    )


def _growing_swings(draw: Draw) -> History:
    """A fall, then swings from point to point that grow to the end."""
    return _made(
        draw,
        lambda x: (0.3 + 0.7 * np.exp(-15 * x)) * np.exp(draw.normal(0, 0.02 + 0.7 * x**2, len(x))),
        noise=0.01,
        lines=_points(draw, 60, 400),
        evaluations=0,
    )


def _no_number(draw: Draw) -> History:
    """NaN from somewhere on."""
    log, when = _made(draw, _falling(draw), lines=_points(draw, 10)), draw.uniform(0.2, 0.9)
    values = np.where(log.train.step > when * log.train.step[-1], np.nan, log.train.value)
    return History(source="simulated", train=Curve(log.train.step, values))


def _blow_up(draw: Draw) -> History:
    """A fall, then up to between the start and ten times the start, for good."""
    when, height, falling = draw.uniform(0.2, 0.8), _log_uniform(draw, 1.0, 10), _falling(draw)

    def shape(x: np.ndarray) -> np.ndarray:
        return falling(x) + height * np.clip((x - when) / 0.1, 0, 1)

    return _made(draw, shape, noise=_log_uniform(draw, 0.001, 0.2), lines=_points(draw, 20))


def _never_moved(draw: Draw) -> History:
    """Flat from the first step under batch noise."""
    return _made(
        draw,
        np.ones_like,
        of_validation=np.ones_like,
        noise=_log_uniform(draw, 0.001, 0.15),
        validation_noise=0.002,
        lines=_points(draw, 12),
        shares=(0.5, 0.5),
    )


def _cut(draw: Draw) -> History:
    """A fall that is far from its end."""
    speed, floor = draw.uniform(0.3, 1.2), draw.uniform(0.02, 0.1)
    return _made(
        draw,
        lambda x: floor + (1 - floor) * np.exp(-speed * x),
        noise=_log_uniform(draw, 0.001, 0.03),
        evaluations=_points(draw, 4),
    )


SICK = {
    _turn: {"overfitting"},
    _swings: {"oscillation"},
    _growing_swings: {"oscillation", "divergence"},
    _no_number: {"divergence"},
    _blow_up: {"divergence"},
    _never_moved: {"plateau"},
    _cut: {"undertrained"},
}
