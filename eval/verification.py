"""Retrieval verification: an answer that the nearest training sentences do not support is given with less confidence.

The margin (the logit of the answer against the other class) is multiplied by exp(-strength x doubt) and divided by a
temperature; both constants are fitted on validation rows. The answer itself never changes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from eval.calibration import TEMPERATURES, fit_temperature

STRONGEST = 20.0


@dataclass(frozen=True, slots=True)
class Verification:
    """The two constants; a strength of 0 is temperature scaling alone."""

    strength: float
    temperature: float
    fitted: bool
    """False where the validation rows could not tell: strength 0, temperature 1."""

    def verify(self, probabilities: np.ndarray, doubts: np.ndarray) -> np.ndarray:
        """Probabilities (n, 2) with the confidence that is left of them under `doubts` (n,)."""
        return _scaled(margins(probabilities), doubts, self.strength, self.temperature)


def doubt(answers: np.ndarray, labels: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """What is missing of the support of the neighbours, 0 to 1, shape (n,).

    answers: (n,) classes; labels and similarities: (n, k), those of each text's neighbours. The support is the mean
    over the k of the similarity, or of nothing where the neighbour bears the other label: neighbours that disagree and
    neighbours that are far both leave it small.
    """
    agreeing = labels == answers[:, None]
    return 1 - (np.clip(similarities, 0, 1) * agreeing).mean(axis=1)


def fit_verification(probabilities: np.ndarray, labels: np.ndarray, doubts: np.ndarray) -> Verification:
    """The strength and the temperature of the lowest log loss on validation rows, never above temperature scaling's."""
    start = fit_temperature(probabilities, labels)
    if not start.fitted:
        return Verification(0.0, 1.0, False)
    own = np.where(labels == 1, 1, -1) * margins(probabilities)

    def log_loss(constants: np.ndarray) -> float:
        strength, log_temperature = constants
        return float(np.logaddexp(0, -own * np.exp(-strength * doubts - log_temperature)).mean())

    best = minimize(
        log_loss,
        # Where nothing is gained by doubt, the temperature alone is a stationary point: begin beside it.
        x0=[0.5, np.log(start.value) - 0.5 * doubts.mean()],
        bounds=[(0, STRONGEST), (np.log(TEMPERATURES[0]) - STRONGEST, np.log(TEMPERATURES[1]))],
        method="L-BFGS-B",
    )
    if log_loss([0.0, np.log(start.value)]) <= best.fun:
        return Verification(0.0, start.value, True)
    return Verification(float(best.x[0]), float(np.exp(best.x[1])), True)


def margins(probabilities: np.ndarray) -> np.ndarray:
    """The logit of the positive class against the negative one, (n,), clipped as in log loss."""
    negative, positive = np.log(np.maximum(np.asarray(probabilities, np.float64), np.finfo(np.float64).eps)).T
    return positive - negative


def _scaled(own: np.ndarray, doubts: np.ndarray, strength: float, temperature: float) -> np.ndarray:
    positive = expit(own * np.exp(-strength * doubts) / temperature)
    return np.stack([1 - positive, positive], axis=1)
