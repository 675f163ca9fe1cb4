"""What other thresholds would give, and how the metrics went during training."""

from dataclasses import dataclass

from eval.curves import (
    Curve,
    best_f1_threshold,
    f1_of_threshold,
    history,
    precision_recall_curve,
    roc_curve,
    threshold_curves,
)
from eval.markup import estimate, image
from eval.metrics import Estimate, metrics_with_intervals
from eval.parts import Remark, counted, weigh
from eval.plots.epochs import draw_epochs
from eval.plots.precision_recall import draw_precision_recall
from eval.plots.roc import draw_roc
from eval.plots.threshold import draw_threshold
from eval.subject import Options, Subject

TITLE = "Curves"


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves on the test rows, the threshold chosen on the validation rows, and the evaluations during training."""

    roc: Curve
    precision_recall: Curve
    areas: dict[str, Estimate]
    """AUC and average precision."""
    positive_share: float
    threshold_curves: dict[str, Curve]
    """Precision, recall and F1 against the threshold."""
    best_threshold: float
    """The threshold with the best F1 on the validation rows."""
    f1_at_half: Estimate
    f1_at_best_threshold: Estimate
    f1_gain: Estimate
    """The second less the first, on the test rows."""
    history: list[dict[str, float | None]]


def measure(subject: Subject, options: Options) -> Curves:
    """Choose on validation, score on test."""
    validation, test, seed = subject.validation, subject.test, options.seed
    best = best_f1_threshold(validation.probabilities, validation.labels)
    scored = (test.probabilities, test.labels)
    f1 = f1_of_threshold(*scored, best, seed=seed)
    return Curves(
        roc=roc_curve(*scored, seed=seed),
        precision_recall=precision_recall_curve(*scored, seed=seed),
        areas=metrics_with_intervals(*scored, names=("auc", "average_precision"), seed=seed),
        positive_share=float(test.labels.mean()),
        threshold_curves=threshold_curves(*scored, seed=seed),
        best_threshold=best,
        f1_at_half=f1["f1_at_half"],
        f1_at_best_threshold=f1["f1_at_threshold"],
        f1_gain=f1["f1_gain"],
        history=history(subject.journal),
    )


def remarks(data: dict) -> list[Remark]:
    """A threshold that is better beyond chance."""
    gain, best = data["f1_gain"], data["best_threshold"]
    if gain["low"] is None or gain["low"] <= 0:
        return []
    text = f"Answer positive above {best:.3f}, not 0.5: F1 rises by {estimate(gain)}"
    return [Remark("do", text, weigh(gain["value"]))]


def section(data: dict) -> str:
    """What the chosen threshold gains, and the curves."""
    gain, best = data["f1_gain"], data["best_threshold"]
    same = gain["value"] == gain["low"] == gain["high"] == 0
    if best == 0.5:
        verdict = "**The threshold 0.5 has the best F1 on the validation rows.**"
    elif gain["low"] is not None and gain["low"] > 0:
        verdict = f"**A threshold of {best:.3f} instead of 0.5 raises F1.**"
    elif gain["high"] is not None and gain["high"] < 0:
        verdict = f"**Keep the threshold 0.5: {best:.3f}, the best on validation, lowers F1 on test.**"
    elif same:
        verdict = f"**Keep the threshold 0.5: {best:.3f}, the best on validation, gives the same answers on test.**"
    else:
        verdict = f"**Keep the threshold 0.5: {best:.3f}, the best on validation, makes no sure difference on test.**"
    figures = f"F1 of the positive class on {counted(gain['n'], 'test row')}: {estimate(data['f1_at_half'])} at 0.5"
    figures += (
        " (95% bootstrap interval)."
        if same
        else f", {estimate(data['f1_at_best_threshold'])} at {best:.3f}, a gain of {estimate(gain)} "
        "(95% bootstrap intervals, paired for the gain)."
    )
    areas = (
        f"The area under the ROC curve is {estimate(data['areas']['auc'])}, average precision "
        f"{estimate(data['areas']['average_precision'])}; bands are pointwise 95% bootstrap intervals."
    )
    parts = [
        f"{verdict} {figures}",
        image("threshold", "Precision, recall and F1 against the threshold"),
        areas,
        image("precision_recall", "Precision against recall"),
        image("roc", "True positive rate against false positive rate"),
    ]
    if data["history"]:
        lowest = _lowest_loss(data["history"])
        least = f"; the loss was lowest after epoch {lowest['epoch']:.4g}" if lowest else ""
        parts += [
            f"During training the model was evaluated {len(data['history'])} times on the validation rows{least}.",
            image("epochs", "F1, precision and recall against the epoch"),
        ]
    return "\n\n".join(parts)


def plots(data: dict) -> dict:
    """The curves, and the history where there is one."""
    figures = {
        "roc": draw_roc(data["roc"], data["areas"]["auc"]),
        "precision_recall": draw_precision_recall(
            data["precision_recall"], data["areas"]["average_precision"], data["positive_share"]
        ),
        "threshold": draw_threshold(data["threshold_curves"], data["best_threshold"]),
    }
    if data["history"]:
        figures["epochs"] = draw_epochs(data["history"], _lowest_loss(data["history"]))
    return figures


def _lowest_loss(evaluations: list[dict]) -> dict | None:
    logged = [line for line in evaluations if line["loss"] is not None and line["epoch"] is not None]
    return min(logged, key=lambda line: line["loss"], default=None)
