"""What the log of a run says, in arrays, whatever file it was read from."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure over a run: steps rise strictly; a value that was logged as NaN or infinite stays one."""

    step: np.ndarray
    """(points,), optimiser steps, or epochs where a log counts in those."""
    value: np.ndarray
    """(points,)."""

    def __len__(self) -> int:
        return len(self.step)

    @property
    def finite(self) -> "Curve":
        """Without the points that are NaN or infinite."""
        kept = np.isfinite(self.value)
        return Curve(self.step[kept], self.value[kept])

    def between(self, first: float, last: float) -> "Curve":
        """The points with first <= step <= last."""
        kept = (self.step >= first) & (self.step <= last)
        return Curve(self.step[kept], self.value[kept])


EMPTY = Curve(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Gradients:
    """What was recorded of the gradients by layer; arrays are (recordings, layers), NaN where nothing was."""

    layers: list[str]
    """From input to output."""
    step: np.ndarray
    figures: dict[str, np.ndarray]
    """norm, and what else was recorded, such as mean_abs, zero_fraction, dead_fraction."""
    clipped: np.ndarray | None = None
    """(recordings,), whether the norms are those after clipping."""

    @property
    def norm(self) -> np.ndarray:
        return self.figures["norm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that a log says of a run; what it lacks is empty or None.

    The training loss may be that of a step, of the steps since the last line, or of an epoch: `train` is what was
    logged. Where a run was taken up from an earlier step, the later values stand and the step is among `restarts`.
    """

    source: str
    train: Curve = EMPTY
    validation: Curve = EMPTY
    metrics: dict[str, Curve] = field(default_factory=dict)
    """Evaluation metrics by name (accuracy, f1, wer…), without the loss."""
    train_metrics: dict[str, Curve] = field(default_factory=dict)
    """The same on training data, as Keras logs them."""
    learning_rate: Curve = EMPTY
    grad_norm: Curve = EMPTY
    """The total norm of the gradient."""
    gradients: Gradients | None = None
    restarts: tuple[float, ...] = ()
    steps_per_epoch: float | None = None
    """To say a step as an epoch; 1 where the log counts in epochs."""
    max_step: float | None = None
    """Where the run was planned to end, if the log says so."""
    settings: dict[str, object] = field(default_factory=dict)
    """What is known of how it was made: flags of train/run.py by name."""
    classes: int | None = None
    notes: tuple[str, ...] = ()
    """What was strange in the file, in words."""

    @property
    def last_step(self) -> float:
        """The last step that anything was logged at; 0 for an empty log."""
        curves = (self.train, self.validation, self.grad_norm, *self.metrics.values())
        return max((float(curve.step[-1]) for curve in curves if len(curve)), default=0.0)

    def epoch_at(self, step: float) -> float | None:
        """The epoch of a step, None where the log does not tell."""
        return step / self.steps_per_epoch if self.steps_per_epoch else None
