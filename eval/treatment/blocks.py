"""Arms over the same seeds, their spread pooled: what three to five seeds can bear."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from eval.metrics import Estimate
from eval.power import LEVEL


@dataclass(frozen=True, slots=True)
class Blocks:
    """The additive model value = arm + seed + error of a complete table (seeds, arms).

    Assumed: errors that are about normal and of one spread in all arms. The logarithm of a spread is so: its error
    depends on how many points it was measured by, not on how large it is.
    """

    means: np.ndarray
    """(arms,)."""
    spread: float
    """The standard deviation of the error, pooled over all arms."""
    freedom: int
    """(seeds - 1) (arms - 1)."""
    seeds: int

    def contrast(self, weights: np.ndarray) -> tuple[Estimate, float]:
        """A sum of arms whose weights (arms,) sum to 0, with its 95% interval, and the p of its being 0."""
        value = float(weights @ self.means)
        error = self.spread * float(np.sqrt((weights**2).sum() / self.seeds))
        reach = float(-stdtrit(self.freedom, LEVEL / 2)) * error
        p = float(2 * stdtr(self.freedom, -abs(value) / error)) if error else float(value == 0)
        return Estimate(value, value - reach, value + reach, self.seeds), p


def fit_blocks(values: np.ndarray) -> Blocks:
    """Fit a table (seeds, arms), each 2 or more, without gaps.

    Source: Box, Hunter and Hunter, Statistics for Experimenters, 2nd ed. 2005, ch. 4 (randomised blocks).
    """
    seeds, arms = values.shape
    means = values.mean(axis=0)
    errors = values - means - values.mean(axis=1, keepdims=True) + values.mean()
    freedom = (seeds - 1) * (arms - 1)
    return Blocks(means, float(np.sqrt((errors**2).sum() / freedom)), freedom, seeds)
