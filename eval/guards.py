"""What a treatment must not cost: for each guard of a study, whether an arm loses more of it than is allowed."""

from dataclasses import dataclass

from eval.metrics import Estimate
from eval.paired import PairedTest
from eval.power import seeds_needed

HELD, BROKEN, OPEN = "held", "broken", "open"


@dataclass(frozen=True, slots=True)
class Guard:
    """A level of a factor against the factor's baseline, in a figure of which it may lose `margin` at most."""

    figure: str
    higher_is_better: bool
    margin: float
    factor: str
    level: str
    baseline: str
    estimate: Estimate
    """The level minus the baseline, with its 95% interval; n counts seeds."""
    differences: list[float]
    spread: float | None
    verdict: str
    """HELD, BROKEN or OPEN."""
    seeds_needed: int | None
    """For OPEN: seeds in all to be held or broken in four studies of five, if the loss and its spread are as seen; None
    where the runs show no spread to reckon with, or a loss exactly as large as the margin."""


def judge_guard(figure: str, margin: float, names: tuple[str, str, str], test: PairedTest, *, higher: bool) -> Guard:
    """Judge the paired differences of a guard's figure; `names` are (factor, level, baseline).

    HELD where the 95% interval excludes a loss above the margin, BROKEN where it lies wholly beyond the margin, else
    OPEN. Either is a one-sided test at 2.5% (non-inferiority: Piaggio et al., JAMA 308, 2012). Guards are conditions of
    which every one must hold, so that their number calls for no correction (Berger, Technometrics 24, 1982).
    """
    loss = _loss(test.estimate, higher=higher)
    found = verdict(loss, margin)
    needed = None
    if found == OPEN and test.spread and loss.value != margin:
        needed = max(seeds_needed(loss.value - margin, test.spread), loss.n + 1)
    return Guard(
        *(figure, higher, margin, *names, test.estimate, test.differences, test.spread, found, needed),
    )


def verdict(loss: Estimate, margin: float) -> str:
    """HELD, BROKEN or OPEN, from a loss with its interval; OPEN where there is no interval."""
    if loss.high is None:
        return OPEN
    return HELD if loss.high <= margin else BROKEN if loss.low > margin else OPEN


def _loss(difference: Estimate, *, higher: bool) -> Estimate:
    """How much worse a figure became, with its interval."""
    if not higher:
        return difference
    ends = (None if end is None else -end for end in (difference.value, difference.high, difference.low))
    return Estimate(*ends, difference.n)
