"""Which way a metric is better, how much of it matters, and what an effect on it comes to."""

import numpy as np

from eval.metrics import REPORT_METRIC_NAMES, Estimate
from eval.power import LEVEL, seeds_needed
from eval.risks import FIGURES

HELPS, HURTS, BOUNDED, UNRESOLVED = "helps", "hurts", "no_effect_larger_than", "not_resolvable"

LOWER_IS_BETTER = ("loss", "perplexity", "brier", "error", "seconds")
"""What the name of a metric holds that is better when it is lower."""
RELIABILITY = "reliability"
"""What the figures of eval/reliability are called by in a study: `reliability.confident_errors`."""
POINT = 0.01
SMALL_SHARE = 0.05


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric (`test.accuracy`) is better: by its name, or as eval/risks.py has it."""
    group, _, name = metric.partition(".")
    if group == RELIABILITY and name in FIGURES:
        return FIGURES[name][1] == "higher"
    return not any(word in metric.rsplit(".", 1)[-1] for word in LOWER_IS_BETTER)


def in_points(metric: str) -> bool:
    """Whether a metric is read in points, hundredths of the whole.

    Accuracy and its like are, and so is every figure of reliability: a share, a confidence or an area. Losses are not.
    """
    group, _, name = metric.rpartition(".")
    return group == RELIABILITY or name in REPORT_METRIC_NAMES and name != "log_loss"


def default_margin(metric: str, baseline: np.ndarray) -> float:
    """The smallest difference that matters: a point, or 5% of the mean of the baseline's runs (NaN is left out)."""
    if in_points(metric):
        return POINT
    found = baseline[~np.isnan(baseline)]
    return SMALL_SHARE * abs(float(found.mean())) if len(found) else 0.0


def verdict(estimate: Estimate, p_adjusted: float | None, *, higher: bool, margin: float) -> str:
    """HELPS or HURTS where the corrected p is below 5%; else BOUNDED where the interval lies within the margin.

    The interval of 95% makes BOUNDED a test of equivalence at 2.5% on each side, stricter than the usual 5%
    (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987). UNRESOLVED is everything else.
    """
    if p_adjusted is None:
        return UNRESOLVED
    if p_adjusted < LEVEL:
        return HELPS if (estimate.value > 0) == higher else HURTS
    return BOUNDED if max(-estimate.low, estimate.high) <= margin else UNRESOLVED


def seeds_to_resolve(estimate: Estimate, spread: float | None, *, level: float, margin: float) -> int | None:
    """The seeds, in all, that would tell an effect from nothing or hold it within the margin: whichever are fewer.

    80% power, if the effect and its spread are as seen; `level` is what is left for this effect after correction. None
    where no spread was seen.
    """
    if not spread:
        return None
    size = abs(estimate.value)
    ways = [seeds_needed(size, spread, level=level)] if size else []
    if size < margin:
        ways.append(seeds_needed(margin - size, spread))
    return max(min(ways), estimate.n + 1) if ways else None
