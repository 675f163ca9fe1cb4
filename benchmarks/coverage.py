"""How often a 95% interval of an evaluation holds the true value, on simulated sets whose truth is known.

python benchmarks/coverage.py                  500 sets of 500 rows in each of two worlds, a minute of one core
python benchmarks/coverage.py --sets 40        a quick look

A row has a log-odds z from a normal distribution, and its label is positive with probability sigmoid(z). The model says
sigmoid(sharpness * z): with sharpness 1 it is calibrated, with 2 over-confident. The true values are those of the whole
distribution, by integration over z. A share is marked where 95% coverage would give one so low in less than one case of
1,000.
"""

import argparse

MEAN, SPREAD = 0.3, 2.5
SHARPNESS = {"calibrated": 1.0, "over-confident": 2.0}
NAMES = ("accuracy", "f1", "auc", "average_precision", "brier", "expected_calibration_error")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--sets", type=int, default=500, help="simulated sets in each world")
    parser.add_argument("--rows", type=int, default=500, help="rows of a set")
    parser.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples of an interval")
    args = parser.parse_args(argv)
    if args.sets < 1 or args.rows < 100:
        parser.error("it takes 1 set or more, of 100 rows or more")
    return args


def true_values(sharpness: float) -> dict[str, float]:
    """The metrics of the whole distribution, from scikit-learn and sums over a fine grid of z."""
    import numpy as np
    from scipy.special import expit
    from scipy.stats import norm
    from sklearn import metrics as sk

    z = np.linspace(MEAN - 7 * SPREAD, MEAN + 7 * SPREAD, 20_000)
    density = norm.pdf(z, MEAN, SPREAD)
    density /= density.sum()
    positive, said = expit(z), expit(sharpness * z)
    # Every z once as a positive and once as a negative row, each with its probability as its weight.
    labels, scores = np.repeat([1, 0], len(z)), np.tile(said, 2)
    # The order of the scores, but those that round to 1 are no ties.
    order = np.tile(z, 2)
    given = {"sample_weight": np.append(density * positive, density * (1 - positive))}
    confidence, accuracy = np.maximum(said, 1 - said), np.where(said > 0.5, positive, 1 - positive)
    return {
        "accuracy": sk.accuracy_score(labels, scores > 0.5, **given),
        "f1": sk.f1_score(labels, scores > 0.5, **given),
        "auc": sk.roc_auc_score(labels, order, **given),
        "average_precision": sk.average_precision_score(labels, order, **given),
        "brier": sk.brier_score_loss(labels, scores, **given),
        "expected_calibration_error": float(np.sqrt(density @ (accuracy - confidence) ** 2)),
    }


def simulate(sharpness: float, rows: int, seed: int):
    """Probabilities (rows, 2) and labels (rows,) of one set."""
    import numpy as np
    from scipy.special import expit

    draw = np.random.default_rng(seed)
    z = draw.normal(MEAN, SPREAD, rows)
    said = expit(sharpness * z)
    return np.stack([1 - said, said], axis=1), (draw.random(rows) < expit(z)).astype(int)


def intervals(probabilities, labels, *, resamples: int, seed: int) -> dict:
    """The estimates whose intervals are judged."""
    from eval.calibration import expected_calibration_error
    from eval.metrics import metrics_with_intervals

    error = expected_calibration_error(probabilities, labels, resamples=resamples, seed=seed)
    figures = metrics_with_intervals(probabilities, labels, names=NAMES[:-1], resamples=resamples, seed=seed)
    return {**figures, "expected_calibration_error": error}


def covered(world: str, *, sets: int, rows: int, resamples: int) -> dict[str, list[bool]]:
    """For each metric, whether the interval of each set holds the true value."""
    truth = true_values(SHARPNESS[world])
    held = {name: [] for name in NAMES}
    for seed in range(sets):
        data = simulate(SHARPNESS[world], rows, seed)
        for name, figure in intervals(*data, resamples=resamples, seed=seed).items():
            held[name].append(figure.low <= truth[name] <= figure.high)
    return held


def too_few(held: list[bool]) -> bool:
    """Whether 95% coverage gives so few hits in less than one case of 1,000."""
    from scipy.stats import binom

    return binom.cdf(sum(held), len(held), 0.95) < 0.001


def main(args: argparse.Namespace) -> None:
    from statsmodels.stats.proportion import proportion_confint

    from cli.table import table

    rows = []
    for world, sharpness in SHARPNESS.items():
        truth = true_values(sharpness)
        for name, held in covered(world, sets=args.sets, rows=args.rows, resamples=args.resamples).items():
            low, high = proportion_confint(sum(held), len(held), method="wilson")
            share = f"{sum(held) / len(held):.3f} [{low:.3f}, {high:.3f}]"
            rows.append([world, name, f"{truth[name]:.4f}", share, "too few" if too_few(held) else ""])
    print(f"95% intervals that hold the true value: {args.sets} sets of {args.rows} rows, {args.resamples} resamples")
    print(table(["world", "metric", "true value", "share, 95% Wilson", ""], rows))


if __name__ == "__main__":
    main(parse_args())
