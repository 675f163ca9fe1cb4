"""How often the model is right, each figure with its interval."""

from dataclasses import dataclass

from eval.markup import estimate, image, percent, table
from eval.metrics import CLASSES, REPORT_METRIC_NAMES, Estimate, confusion_matrix, metrics_with_intervals, only_class
from eval.parts import Remark, counted, weigh
from eval.plots.confusion_matrix import draw_confusion_matrix
from eval.subject import Options, Scored, Subject

TITLE = "Metrics"
SPOKEN = {
    "accuracy": "accuracy",
    "f1_macro": "F1, mean of both classes",
    "f1": "F1, positive",
    "precision": "precision, positive",
    "recall": "recall, positive",
    "f1_negative": "F1, negative",
    "precision_negative": "precision, negative",
    "recall_negative": "recall, negative",
    "mcc": "Matthews correlation",
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
}
WORTH_A_WORD = 0.1
"""A gap in recall between the classes, and a share of truncated rows."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics on both splits, and what kinds of errors make them up."""

    validation: dict[str, Estimate]
    test: dict[str, Estimate]
    confusion: list[list[int]]
    """Test rows: given labels are the rows, answers the columns; negative, positive."""
    degenerate: str | None
    """The class that the model answers for every test row; None where it answers both."""
    majority_share: float
    """The accuracy on test of always answering its more frequent class."""
    truncated: dict[str, int]
    """Rows of each split that were longer than the model reads."""


def measure(subject: Subject, options: Options) -> Metrics:
    """Score both splits."""
    test = subject.test
    counts = confusion_matrix(test.probabilities, test.labels)
    return Metrics(
        validation=_metrics(subject.validation, options.seed),
        test=_metrics(test, options.seed),
        confusion=counts.tolist(),
        degenerate=only_class(test.probabilities[:, 1]),
        majority_share=float(counts.sum(axis=1).max() / counts.sum()),
        truncated={"validation": int(subject.validation.truncated.sum()), "test": int(test.truncated.sum())},
    )


def _metrics(scored: Scored, seed: int) -> dict[str, Estimate]:
    return metrics_with_intervals(scored.probabilities, scored.labels, names=REPORT_METRIC_NAMES, seed=seed)


def remarks(data: dict) -> list[Remark]:
    """Degenerate or no better than one answer; else the accuracy; a weak class; truncated rows."""
    test, n = data["test"], data["test"]["accuracy"]["n"]
    if data["degenerate"]:
        text = f"Degenerate: it answers {data['degenerate']} for every one of {counted(n, 'test row')}"
        return [Remark("bad", text, 1.0)]
    found = []
    accuracy, majority = test["accuracy"], data["majority_share"]
    if accuracy["low"] <= majority:
        text = f"Accuracy {percent(accuracy)} is not above always answering one class ({majority:.1%})"
        found.append(Remark("bad", text, 0.95))
    else:
        found.append(Remark("good", f"Right on {percent(accuracy)} of {counted(n, 'test row')}", 0.9))
    negative, positive = test["recall_negative"]["value"], test["recall"]["value"]
    if abs(positive - negative) > WORTH_A_WORD:
        weak, strong = (CLASSES[0], CLASSES[1]) if negative < positive else (CLASSES[1], CLASSES[0])
        low, high = sorted((negative, positive))
        text = f"Finds {low:.0%} of the {weak} rows, but {high:.0%} of the {strong} ones"
        found.append(Remark("bad", text, weigh(1 - low)))
    if data["truncated"]["test"] > WORTH_A_WORD * n:
        share = data["truncated"]["test"] / n
        found.append(Remark("do", f"Raise --max_length: {share:.0%} of the test rows were cut", weigh(share)))
    return found


def section(data: dict) -> str:
    """The accuracy in a sentence, a table of both splits and the confusion matrix."""
    test, validation = data["test"], data["validation"]
    n = test["accuracy"]["n"]
    first = (
        f"**The model is right on {percent(test['accuracy'])} of {counted(n, 'test row')}**; always answering the more "
        f"frequent class is right on {percent(data['majority_share'])}."
    )
    if data["degenerate"]:
        first = f"**The model is degenerate: it answers {data['degenerate']} for every test row.** {first}"
    header = ["metric", f"test, n = {n:,}", f"validation, n = {validation['accuracy']['n']:,}"]
    rows = [[SPOKEN[name], estimate(figure), estimate(validation[name])] for name, figure in test.items()]
    cut = data["truncated"]
    last = (
        "In brackets: 95% intervals, Wilson's for accuracy, else by bootstrap over rows. "
        f"{cut['test']:,} test and {cut['validation']:,} validation rows were longer than the model reads and were "
        "truncated."
    )
    if any(_without_width(figure) for split in (test, validation) for figure in split.values()):
        last += (
            " Where both ends of an interval are the same, every resample gave that figure; with so few rows of a kind "
            "that does not make it sure."
        )
    return "\n\n".join(
        [first, table(header, rows), last, image("confusion_matrix", "Confusion matrix: given labels against answers")]
    )


def _without_width(figure: dict) -> bool:
    return figure["low"] is not None and figure["low"] == figure["high"]


def plots(data: dict) -> dict:
    """The confusion matrix."""
    return {"confusion_matrix": draw_confusion_matrix(data["confusion"], CLASSES)}
