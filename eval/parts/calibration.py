"""Whether the model's confidence can be believed, and what to do where it cannot."""

from dataclasses import dataclass

import numpy as np

from eval.calibration import (
    ACCEPTED_ERROR,
    Abstention,
    ReliabilityBin,
    RiskCoverage,
    abstain,
    abstention_threshold,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    mean_estimate,
    overconfidence,
    plug_in_calibration_error,
    reliability,
    risk_coverage,
)
from eval.markup import estimate, image, percent, table
from eval.metrics import Estimate, metrics_with_intervals
from eval.parts import Remark
from eval.plots.reliability import draw_reliability
from eval.plots.risk_coverage import draw_risk_coverage
from eval.subject import Options, Subject

TITLE = "Calibration"
HISTOGRAM_EDGES = np.linspace(0.5, 1, 21)


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
    validation_rows: int
    abstention_threshold: float | None
    """The calibrated confidence from which the error is under 5% on validation; None where there is none."""
    abstention: Abstention | None
    """What that threshold gives on test."""
    raw: Quality
    calibrated: Quality
    change: dict[str, Estimate]
    """Log loss and Brier score after temperature scaling less before, by row."""
    reliability: list[ReliabilityBin]
    calibrated_reliability: list[ReliabilityBin]
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
        validation_rows=len(validation.labels),
        abstention_threshold=threshold,
        abstention=None if threshold is None else abstain(calibrated, test.labels, threshold),
        raw=_quality(test.probabilities, test.labels, seed),
        calibrated=_quality(calibrated, test.labels, seed),
        change={
            "log_loss": mean_estimate(
                _log_losses(calibrated, test.labels) - _log_losses(test.probabilities, test.labels), seed=seed
            ),
            "brier": mean_estimate(
                (calibrated[:, 1] - test.labels) ** 2 - (test.probabilities[:, 1] - test.labels) ** 2, seed=seed
            ),
        },
        reliability=reliability(test.probabilities, test.labels),
        calibrated_reliability=reliability(calibrated, test.labels),
        histogram={"edges": HISTOGRAM_EDGES.tolist(), "counts": counts.tolist()},
        risk_coverage=risk_coverage(test.probabilities, test.labels, seed=seed),
    )


def _quality(probabilities: np.ndarray, labels: np.ndarray, seed: int) -> Quality:
    return Quality(
        expected_calibration_error=expected_calibration_error(probabilities, labels, seed=seed),
        plug_in_calibration_error=plug_in_calibration_error(probabilities, labels),
        overconfidence=overconfidence(probabilities, labels, seed=seed),
        **metrics_with_intervals(probabilities, labels, names=("log_loss", "brier"), seed=seed),
    )


def _log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    eps = np.finfo(np.float64).eps
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], eps, 1 - eps))


def remarks(data: dict) -> list[Remark]:
    """Over- or under-confidence and its remedy, or that there is none; where to abstain."""
    found = []
    excess, error = data["raw"]["overconfidence"], data["raw"]["expected_calibration_error"]
    name = _bias(excess)
    if name:
        side = "above" if excess["value"] > 0 else "below"
        text = f"{name}: mean confidence is {100 * abs(excess['value']):.1f} points {side} accuracy"
        found.append(Remark("bad", text, 0.4 + min(0.5, 4 * abs(excess["value"]))))
    elif error["low"] == 0:
        text = f"Its confidence can be believed: it is off by {points(error)}"
        found.append(Remark("good", text, 0.6))
    change = data["change"]["log_loss"]
    if change["high"] < 0:
        text = f"Divide the logits by {data['temperature']:.2f}: log loss changes by {estimate(change)}"
        found.append(Remark("do", text, 0.6))
    threshold, abstention = data["abstention_threshold"], data["abstention"]
    if threshold is None:
        found.append(Remark("bad", "At no confidence does its error fall under 5%: it cannot work unattended", 0.5))
    elif threshold > 0.5 and abstention["error"]["value"] is not None:
        text = (
            f"Have a person read what is under {threshold:.3f} calibrated confidence: "
            f"error {abstention['error']['value']:.1%} on the {abstention['coverage']['value']:.0%} left"
        )
        found.append(Remark("do", text, 0.55))
    return found


def section(data: dict) -> str:
    """Whether confidence can be believed, before and after temperature scaling, and when to abstain."""
    before, after = data["raw"], data["calibrated"]
    excess, error = before["overconfidence"], before["expected_calibration_error"]
    verdict = {"Over-confident": "The model is over-confident", "Under-confident": "The model is under-confident"}.get(
        _bias(excess), "Mean confidence cannot be told from accuracy"
    )
    first = (
        f"**{verdict}: confidence less accuracy is {points(excess)} on {excess['n']:,} test rows**; the expected "
        f"calibration error is {points(error)}."
    )
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
            f"{data['validation_rows']:,} validation rows; it never changes an answer. Log loss changes by "
            f"{estimate(data['change']['log_loss'], 4)}, the Brier score by {estimate(data['change']['brier'], 4)}."
        )
    else:
        scaling = "The validation rows cannot tell a temperature (no answer is wrong, or all are one half): it stays 1."
    area = data["risk_coverage"]["area"]
    return "\n\n".join(
        [
            first,
            image("reliability", "Accuracy against confidence, and how many rows have it"),
            f"### Temperature\n\n{scaling}",
            table(["test rows", "raw", "after temperature"], rows),
            "The expected calibration error is the root mean square over bins of equal mass, debiased as in Kumar et "
            "al. (2019). In brackets: 95% bootstrap intervals.",
            f"### When to abstain\n\n{_abstention(data)} Over all coverages the mean error (AURC) is "
            f"{estimate(area, 4)}.",
            image("risk_coverage", "Error against the share of rows that is answered"),
        ]
    )


def points(figure: dict | float) -> str:
    """A difference of shares, or an estimate of one, in percentage points: `4.8 points [2.5, 6.9]`."""
    if isinstance(figure, dict):
        return "{:.1f} points [{:.1f}, {:.1f}]".format(*(100 * figure[key] for key in ("value", "low", "high")))
    return f"{100 * figure:.1f} points"


def _bias(excess: dict) -> str | None:
    if excess["low"] > 0:
        return "Over-confident"
    return "Under-confident" if excess["high"] < 0 else None


def _abstention(data: dict) -> str:
    threshold, abstention = data["abstention_threshold"], data["abstention"]
    if threshold is None:
        return f"**At no confidence does the error fall under {ACCEPTED_ERROR:.0%} on the validation rows.**"
    if threshold == 0.5:
        start = f"**Every row may be answered: the error is under {ACCEPTED_ERROR:.0%} on the validation rows.**"
    else:
        start = (
            f"**Answer from a calibrated confidence of {threshold:.3f}**: there the error on the validation rows falls "
            f"under {ACCEPTED_ERROR:.0%}."
        )
    return (
        f"{start} On the test rows this answers {percent(abstention['coverage'])} with an error of "
        f"{percent(abstention['error'])} (Wilson intervals)."
    )


def plots(data: dict) -> dict:
    """The reliability diagram and the risk-coverage curve."""
    return {
        "reliability": draw_reliability(data["reliability"], data["calibrated_reliability"], data["histogram"]),
        "risk_coverage": draw_risk_coverage(data["risk_coverage"]["curve"], data["abstention"]),
    }
