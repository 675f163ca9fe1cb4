"""The honest test of a law: fitted without the largest runs, and asked for them."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from cli.table import table as text_table
from eval.metrics import Estimate
from eval.scaling_laws.analysis import best_of, candidates
from eval.scaling_laws.answers import predict
from eval.scaling_laws.compare import compare, largest_rows
from eval.scaling_laws.identify import design_of, rounding
from eval.scaling_laws.resampling import RESAMPLES, resample
from eval.scaling_laws.table import ScalingTable, completed
from eval.scaling_laws.threads import one_thread
from eval.scaling_laws.units import count


@dataclass(frozen=True, slots=True)
class HeldOutRun:
    """A run that the law did not see: what it reached, and what the law said, with the 95% interval of a single run."""

    parameters: float | None
    tokens: float | None
    compute: float | None
    loss: float
    predicted: Estimate

    @property
    def error(self) -> float:
        """Predicted above reached, as a share of what was reached."""
        return self.predicted.value / self.loss - 1

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds what was reached; None without an interval."""
        if self.predicted.low is None:
            return None
        return self.predicted.low <= self.loss <= self.predicted.high


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The law that was chosen and fitted without the largest runs, how many those left it, and the runs themselves."""

    formula: str
    fitted: int
    runs: tuple[HeldOutRun, ...]

    @property
    def error(self) -> float:
        """The root mean square of the relative errors."""
        return float(np.sqrt(np.mean([run.error**2 for run in self.runs])))

    @property
    def covered(self) -> int:
        """How many intervals hold what was reached."""
        return sum(bool(run.covered) for run in self.runs)

    def __str__(self) -> str:
        rows = [
            [
                *("-" if value is None else count(value) for value in (run.parameters, run.tokens)),
                f"{run.loss:.3f}",
                f"{run.predicted.value:.3f}" + _interval(run.predicted),
                f"{run.error:+.1%}",
                {True: "yes", False: "no", None: "-"}[run.covered],
            ]
            for run in self.runs
        ]
        return (
            f"{self.formula}, chosen and fitted on the {self.fitted} smaller runs, misses the {len(self.runs)} largest "
            f"by {self.error:.2%}; {self.covered} of {len(self.runs)} intervals hold what was reached.\n\n"
            + text_table(["N", "D", "reached", "predicted [95%]", "error", "covered"], rows)
        )


@one_thread
def hold_out(given: ScalingTable, *, resamples: int = RESAMPLES, seed: int = 0) -> HeldOut:
    """Choose and fit a law without the largest rows (a fifth, by compute) and predict these.

    The interval is that of a single run: of the law, and of the scatter around it. Raises UserError where the other
    rows are too few, or of one size.
    """
    table = completed(given)
    largest = largest_rows(table)
    part, held = table.rows(~largest), table.rows(largest)
    fit = best_of([compare(law, part) for law in candidates(part, design_of(part))]).fit
    noise = rounding(table)
    known = resample(fit, part, resamples=resamples, seed=seed, noise=noise)
    scatter = student.ppf(0.975, max(fit.rows - fit.size, 1)) * max(fit.spread, noise)
    points = np.exp(held.inputs(fit.law.inputs)).T
    columns = [held.parameters, held.tokens, held.compute, held.loss]
    rows = zip(*(np.full(len(held), None) if column is None else column.tolist() for column in columns), strict=True)
    runs = (
        HeldOutRun(*row, _of_a_run(predict(known, point), scatter)) for row, point in zip(rows, points, strict=True)
    )
    return HeldOut(fit.law.formula, fit.rows, tuple(runs))


def _of_a_run(law: Estimate, scatter: float) -> Estimate:
    """The interval of the law widened by the scatter of a run, both as shares of the loss and independent."""
    if law.low is None:
        return law
    low, high = (np.hypot(np.log(end / law.value), scatter) for end in (law.low, law.high))
    return Estimate(law.value, float(law.value * np.exp(-low)), float(law.value * np.exp(high)), law.n)


def _interval(estimate: Estimate) -> str:
    return "" if estimate.low is None else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
