"""The paired t-test over seeds."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from eval.metrics import Estimate
from eval.power import LEVEL


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The mean of paired differences and whether it is told from nothing."""

    estimate: Estimate
    differences: list[float]
    spread: float | None
    """Their standard deviation, None (as is p) where it cannot be judged."""
    p: float | None


def paired_t(differences: np.ndarray) -> PairedTest:
    """Test differences (n,), NaN left out, against 0, with the 95% interval of Student's t for so few.

    No spread and no p where there are fewer than two, and where all are the same but not 0: a metric counted in rows
    repeats a difference by chance, and the t-test would be sure of it.
    """
    found = differences[~np.isnan(differences)]
    n, seen = len(found), found.tolist()
    if n < 2:
        return PairedTest(Estimate(seen[0] if n else None, None, None, n), seen, None, None)
    mean, spread = float(found.mean()), float(found.std(ddof=1))
    if np.ptp(found) == 0:
        if mean:
            return PairedTest(Estimate(mean, None, None, n), seen, None, None)
        return PairedTest(Estimate(0.0, 0.0, 0.0, n), seen, 0.0, 1.0)
    error = spread / sqrt(n)
    reach = float(-stdtrit(n - 1, LEVEL / 2)) * error
    return PairedTest(
        Estimate(mean, mean - reach, mean + reach, n), seen, spread, float(2 * stdtr(n - 1, -abs(mean) / error))
    )
