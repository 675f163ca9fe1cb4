"""Whether the model's confidence can be believed, and what to do where it cannot."""

from dataclasses import dataclass

import numpy as np

from eval.calibration import (
    ACCEPTED_ERROR,
    FEWEST_ACCEPTED,
    TEMPERATURES,
    Abstention,
    ReliabilityBin,
    RiskCoverage,
    abstain,
    abstention_threshold,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    overconfidence,
    plug_in_calibration_error,
    reliability,
    risk_coverage,
)
from eval.markup import estimate, image, percent, table
from eval.metrics import Estimate, mean_with_interval, metrics_with_intervals, only_class
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.reliability import draw_reliability
from eval.plots.risk_coverage import draw_risk_coverage
from eval.subject import Options, Subject

TITLE = "Calibration"
HISTOGRAM_EDGES = np.linspace(0.5, 1, 21)
SMALL_ERROR = 0.1
"""An upper bound of the calibration error under which praise is due."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well probabilities are calibrated on the test rows."""

    expected_calibration_error: Estimate
    """Debiased, root mean square."""
    plug_in_calibration_error: float
    """Biased upwards, mean absolute: for comparison with figures from elsewhere."""
    overconfidence: Estimate
    log_loss: Estimate
    brier: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration on the test rows; what is chosen is chosen on the validation rows."""

    temperature: float
    """What logits are divided by for calibrated probabilities."""
    temperature_fitted: bool
    """False where the validation rows could not tell; the temperature is 1 then."""
    temperature_at_bound: bool
    """An end of the range that was searched fits best."""
    validation_rows: int
    abstention_threshold: float | None
    """The calibrated confidence from which the error is under 5% on validation; None where there is none."""
    abstention_threshold_raw: float | None
    """The raw confidence that is calibrated to it."""
    abstention: Abstention | None
    """What that threshold gives on test."""
    raw: Quality
    calibrated: Quality
    change: dict[str, Estimate]
    """Log loss and Brier score after temperature scaling less before, by row."""
    reliability: list[ReliabilityBin]
    calibrated_reliability: list[ReliabilityBin]
    degenerate: str | None
    """The class that every test row gets; None where both occur."""
    histogram: dict[str, list]
    """Test rows by raw confidence: 21 edges, 20 counts."""
    risk_coverage: RiskCoverage


def measure(subject: Subject, options: Options) -> Calibration:
    """Fit temperature and threshold on validation and judge both on test."""
    validation, test, seed = subject.validation, subject.test, options.seed
    temperature = fit_temperature(validation.probabilities, validation.labels)
    calibrated = apply_temperature(test.probabilities, temperature.value)
    threshold = abstention_threshold(
        apply_temperature(validation.probabilities, temperature.value), validation.labels, error=ACCEPTED_ERROR
    )
    counts, _ = np.histogram(test.probabilities.max(axis=1), HISTOGRAM_EDGES)
    return Calibration(
        temperature=temperature.value,
        temperature_fitted=temperature.fitted,
        temperature_at_bound=temperature.at_bound,
        validation_rows=len(validation.labels),
        abstention_threshold=threshold,
        abstention_threshold_raw=None if threshold is None else _raw(threshold, temperature.value),
        abstention=None if threshold is None else abstain(calibrated, test.labels, threshold),
        raw=_quality(test.probabilities, test.labels, seed),
        calibrated=_quality(calibrated, test.labels, seed),
        change={
            "log_loss": mean_with_interval(
                _log_losses(calibrated, test.labels) - _log_losses(test.probabilities, test.labels)
            ),
            "brier": mean_with_interval(
                (calibrated[:, 1] - test.labels) ** 2 - (test.probabilities[:, 1] - test.labels) ** 2
            ),
        },
        reliability=reliability(test.probabilities, test.labels),
        calibrated_reliability=reliability(calibrated, test.labels),
        degenerate=only_class(test.probabilities[:, 1]),
        histogram={"edges": HISTOGRAM_EDGES.tolist(), "counts": counts.tolist()},
        risk_coverage=risk_coverage(test.probabilities, test.labels, seed=seed),
    )


def _quality(probabilities: np.ndarray, labels: np.ndarray, seed: int) -> Quality:
    return Quality(
        expected_calibration_error=expected_calibration_error(probabilities, labels, seed=seed),
        plug_in_calibration_error=plug_in_calibration_error(probabilities, labels),
        overconfidence=overconfidence(probabilities, labels),
        **metrics_with_intervals(probabilities, labels, names=("log_loss", "brier"), seed=seed),
    )


def _raw(threshold: float, temperature: float) -> float:
    """The confidence before temperature scaling that becomes `threshold`."""
    return float(apply_temperature(np.array([[1 - threshold, threshold]]), 1 / temperature)[0, 1])


def _log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    eps = np.finfo(np.float64).eps
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], eps, 1 - eps))


def remarks(data: dict) -> list[Remark]:
    """Over- or under-confidence and its remedy, or that there is none to see; where to abstain."""
    found = []
    excess, error = data["raw"]["overconfidence"], data["raw"]["expected_calibration_error"]
    rows, name = counted(error["n"], "row"), _bias(excess)
    if name:
        side = "above" if excess["value"] > 0 else "below"
        text = f"{name}: mean confidence is {100 * abs(excess['value']):.1f} points {side} accuracy"
        found.append(Remark("bad", text, weigh(abs(excess["value"]))))
    elif error["low"] == 0 and error["high"] < SMALL_ERROR and not data["degenerate"]:
        text = f"Its calibration error is not told apart from 0: {100 * error['high']:.1f} points at most"
        found.append(Remark("good", text, PRAISE))
    elif error["low"] == 0:
        text = f"Its calibration error is not told apart from 0, but {rows} allow {100 * error['high']:.1f} points"
        found.append(Remark("bad", text, PRAISE))
    change = data["change"]["log_loss"]
    if change["high"] is not None and change["high"] < 0 and not data["temperature_at_bound"]:
        text = f"Divide the logits by {data['temperature']:.2f}: log loss changes by {estimate(change)}"
        found.append(Remark("do", text, weigh(error["value"])))
    return found + _abstention_remarks(data)


def _abstention_remarks(data: dict) -> list[Remark]:
    threshold, abstention, rows = data["abstention_threshold"], data["abstention"], data["validation_rows"]
    wrong = data["risk_coverage"]["curve"]["y"][-1]
    if threshold is None and rows < FEWEST_ACCEPTED:
        text = f"Bring {FEWEST_ACCEPTED} validation rows or more: {rows} are too few to say when it should abstain"
        return [Remark("do", text, PRAISE)]
    if threshold is None:
        text = f"At no confidence does its error fall under {ACCEPTED_ERROR:.0%} on {rows:,} validation rows"
        return [Remark("bad", text, weigh(wrong))]
    if threshold == 0.5 or abstention["error"]["value"] is None:
        return []
    coverage, left = abstention["coverage"]["value"], abstention["error"]["value"]
    text = (
        f"Let a person read the {1 - coverage:.0%} under {data['abstention_threshold_raw']:.3f} confidence "
        f"({threshold:.3f} calibrated): error {left:.1%} on the rest"
    )
    return [Remark("do", text, weigh(max(0.0, wrong - coverage * left)))]


def section(data: dict) -> str:
    """Whether confidence can be believed, before and after temperature scaling, and when to abstain."""
    before, after = data["raw"], data["calibrated"]
    excess, error = before["overconfidence"], before["expected_calibration_error"]
    verdict = {"Over-confident": "The model is over-confident", "Under-confident": "The model is under-confident"}.get(
        _bias(excess), "Mean confidence cannot be told from accuracy"
    )
    first = (
        f"**{verdict}: confidence less accuracy is {points(excess)} on {counted(excess['n'], 'test row')}**; the "
        f"expected calibration error is {points(error)}"
    )
    if error["low"] == 0:
        first += f", not told apart from 0, and {100 * error['high']:.1f} points at most"
    rows = [
        [spoken, write(before[name]), write(after[name])]
        for spoken, name, write in (
            ("expected calibration error, debiased", "expected_calibration_error", points),
            ("the same, mean absolute, not debiased", "plug_in_calibration_error", points),
            ("confidence less accuracy", "overconfidence", points),
            ("log loss (nats)", "log_loss", estimate),
            ("Brier score", "brier", estimate),
        )
    ]
    if data["temperature_fitted"]:
        scaling = (
            f"Temperature scaling divides the logits by **{data['temperature']:.3f}**, fitted on "
            f"{counted(data['validation_rows'], 'validation row')}; it never changes an answer. Log loss changes by "
            f"{estimate(data['change']['log_loss'], 4)}, the Brier score by {estimate(data['change']['brier'], 4)}."
        )
        if data["temperature_at_bound"]:
            scaling += " **That is an end of the range that is searched, {:g} to {:g}: do not rely on it.**".format(
                *TEMPERATURES
            )
    else:
        scaling = "The validation rows cannot tell a temperature (no answer is wrong, or all are one half): it stays 1."
    area = data["risk_coverage"]["area"]
    return "\n\n".join(
        [
            f"{first}.",
            image("reliability", "Accuracy against confidence, and how many rows have it"),
            f"### Temperature\n\n{scaling}",
            table(["test rows", "raw", "after temperature"], rows),
            "The expected calibration error is the root mean square over bins of equal mass, debiased as in Kumar et "
            "al. (2019). In brackets: 95% intervals, Student's t for confidence less accuracy and the changes, else by "
            "bootstrap.",
            f"### When to abstain\n\n{_abstention(data)} Over all coverages the mean error (AURC) is "
            f"{estimate(area, 4)}.",
            image("risk_coverage", "Error against the share of rows that is answered"),
        ]
    )


def points(figure: dict | float) -> str:
    """A difference of shares, or an estimate of one, in percentage points: `4.8 points [2.5, 6.9]`."""
    if isinstance(figure, dict):
        value, low, high = (figure[key] for key in ("value", "low", "high"))
        return points(value) + ("" if low is None else f" [{100 * low:.1f}, {100 * high:.1f}]")
    return f"{100 * figure:.1f} points"


def _bias(excess: dict) -> str | None:
    if excess["low"] is None:
        return None
    if excess["low"] > 0:
        return "Over-confident"
    return "Under-confident" if excess["high"] < 0 else None


def _abstention(data: dict) -> str:
    threshold, abstention = data["abstention_threshold"], data["abstention"]
    if threshold is None and data["validation_rows"] < FEWEST_ACCEPTED:
        return (
            f"**{counted(data['validation_rows'], 'validation row')}: too few to say.** An error under "
            f"{ACCEPTED_ERROR:.0%} is looked for among {FEWEST_ACCEPTED} rows or more."
        )
    if threshold is None:
        return f"**At no confidence does the error fall under {ACCEPTED_ERROR:.0%} on the validation rows.**"
    if threshold == 0.5:
        start = f"**Every row may be answered: the error is under {ACCEPTED_ERROR:.0%} on the validation rows.**"
    else:
        start = (
            f"**Answer from a confidence of {data['abstention_threshold_raw']:.3f} ({threshold:.3f} calibrated)**: "
            f"there the error on the validation rows falls under {ACCEPTED_ERROR:.0%}."
        )
    return (
        f"{start} On the test rows this answers {percent(abstention['coverage'])} with an error of "
        f"{percent(abstention['error'])} (Wilson intervals); {1 - abstention['coverage']['value']:.1%} go to a person."
    )


def plots(data: dict) -> dict:
    """The reliability diagram and the risk-coverage curve."""
    return {
        "reliability": draw_reliability(data["reliability"], data["calibrated_reliability"], data["histogram"]),
        "risk_coverage": draw_risk_coverage(data["risk_coverage"]["curve"], data["abstention"]),
    }
