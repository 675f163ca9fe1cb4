"""What the model gets wrong: its most confident errors, the kinds of rows they stand in, and labels to doubt."""

from dataclasses import dataclass

from data.checks import LABEL_NAMES
from eval.error_analysis import ConfidentError, most_confident_errors
from eval.label_issues import PRIOR, LabelIssue, label_issues
from eval.markup import escape, image, percent, table, text_table
from eval.metrics import Estimate, only_class, share
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.slices import slice_accuracies
from eval.slices import SMALLEST_JUDGED, Slice, judge_slices, slice_masks
from eval.subject import Options, Scored, Subject

TITLE = "Errors"
SHOWN = 10
STRIKING = 0.05
"""An uncorrected p under which a slice too small for a verdict is pointed out."""


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors on the test rows, and the doubtful labels of both splits."""

    accuracy: Estimate
    errors: int
    most_confident: list[ConfidentError]
    slices: list[Slice]
    label_issues: dict[str, list[LabelIssue]]
    """By split, the likeliest first."""
    rows: int
    """Of both splits."""
    wrong_labels_expected: float
    """Among the doubtful rows."""
    wrong_label_prior: float
    """The share of wrong labels in all rows that this rests on."""
    degenerate: str | None
    """The class that every test row gets; None where both occur."""


def measure(subject: Subject, options: Options) -> Errors:
    """Look at the predictions of both splits; the model itself is not asked again."""
    test = subject.test
    correct = test.probabilities.argmax(axis=1) == test.labels
    masks = slice_masks(test.texts, subject.corpus.train["text"][:])
    if test.truncated.any() and not test.truncated.all():
        masks["longer than the model reads"] = test.truncated
    issues = {"test": _issues(test), "validation": _issues(subject.validation)}
    return Errors(
        accuracy=share(correct),
        errors=int((~correct).sum()),
        most_confident=most_confident_errors(test.texts, test.probabilities, test.labels),
        slices=judge_slices(masks, correct),
        label_issues=issues,
        rows=len(test.labels) + len(subject.validation.labels),
        wrong_labels_expected=sum(issue.likelihood for found in issues.values() for issue in found),
        wrong_label_prior=PRIOR,
        degenerate=only_class(test.probabilities[:, 1]),
    )


def _issues(split: Scored) -> list[LabelIssue]:
    return label_issues(split.texts, split.probabilities, split.labels)


def remarks(data: dict) -> list[Remark]:
    """The weakest and the strongest slice of those told apart from the rest, and the labels to read."""
    found = [_slice_remark(row) for row in data["slices"] if row["verdict"] == "lower"][:1]
    if not data["degenerate"]:  # whose one answer suits some kinds of rows better than others
        found += [_slice_remark(row) for row in data["slices"] if row["verdict"] == "higher"][-1:]
    issues = _all_issues(data)
    if issues:
        wrong, prior = data["wrong_labels_expected"], data["wrong_label_prior"]
        rows = f"{counted(len(issues), 'row')} whose label is in doubt"
        text = f"Read the {rows}: about {wrong:.0f} wrong, if {prior:.1%} of all labels are"
        found.append(Remark("do", text, weigh(wrong / data["rows"])))
    return found


def _slice_remark(row: dict) -> Remark:
    inside, rest = row["accuracy"]["value"], row["rest"]["value"]
    text = f"{inside:.1%} right on {row['accuracy']['n']:,} rows of {row['name']}, {rest:.1%} on the rest"
    return Remark("bad", text, weigh(1 - inside)) if row["verdict"] == "lower" else Remark("good", text, PRAISE)


def section(data: dict) -> str:
    """The slices, the most confident errors and the doubtful labels."""
    n = data["accuracy"]["n"]
    return "\n\n".join(
        [
            f"{percent(data['accuracy'])} of {counted(n, 'test row')} are right, {data['errors']:,} are not. "
            f"{_lead(data)}",
            _slices_section(data),
            _errors_section(data),
            _labels_section(data),
        ]
    )


def plots(data: dict) -> dict:
    """The accuracy in each slice."""
    return {"errors_slices": slice_accuracies(data["slices"], data["accuracy"])} if data["slices"] else {}


def _lead(data: dict) -> str:
    apart = [f"{row['name']} ({row['verdict']})" for row in data["slices"] if row["verdict"] in ("lower", "higher")]
    if apart:
        verdict = f"**Told apart from the rest: {', '.join(apart)}.**"
    else:
        judged = sum(row["verdict"] is not None for row in data["slices"])
        verdict = f"**None of {counted(judged, 'kind')} of rows is told apart from the rest.**"
    small = [
        f"{counted(row['accuracy']['n'], 'row')} of {row['name']}, too few for a verdict, but "
        f"{row['accuracy']['value']:.1%} right: look at them."
        for row in data["slices"]
        if row["verdict"] is None and row["raw_p"] < STRIKING
    ]
    return " ".join([verdict, *small])


def _slices_section(data: dict) -> str:
    if not data["slices"]:
        return "### Slices\n\nNo kind of row stands beside another."
    rows = [
        [row["name"], f"{row['accuracy']['n']:,}", percent(row["accuracy"]), percent(row["rest"]["value"]), _said(row)]
        for row in data["slices"]
    ]
    return "\n\n".join(
        [
            "### Slices",
            image("errors_slices", "Accuracy in each slice with its 95% interval, against the accuracy on all rows"),
            table(["rows", "n", "right", "right on the rest", "verdict"], rows),
            "Intervals are Wilson's; the verdict is Fisher's exact test against all other rows, corrected over the "
            f"slices (Holm). A slice that holds or leaves under {SMALLEST_JUDGED} rows has no verdict but a raw p.",
        ]
    )


def _said(row: dict) -> str:
    if row["verdict"] is None:
        return f"too few rows, raw p = {row['raw_p']:.2g}"
    return f"{row['verdict']}, p = {row['p']:.2g}"


def _errors_section(data: dict) -> str:
    if not data["most_confident"]:
        return "### Most confident errors\n\nThere is no error."
    rows = [[f"{row['probability']:.3f}", *_labelled(row)] for row in data["most_confident"]]
    return "### Most confident errors\n\n" + text_table(["probability", "given label", "model", "text"], rows)


def _labels_section(data: dict) -> str:
    issues = _all_issues(data)
    if not issues:
        return "### Labels in doubt\n\nNone was found."
    rows = [[f"{issue['likelihood']:.0%}", f"{split} {issue['row']}", *_labelled(issue)] for split, issue in issues]
    counts = " and ".join(f"{len(found)} {split}" for split, found in data["label_issues"].items())
    return "\n\n".join(
        [
            "### Labels in doubt",
            f"{counts} rows contradict the model as wrong labels do (confident learning). About "
            f"{data['wrong_labels_expected']:.0f} of these labels are likely wrong; that number rests mostly on the "
            f"assumption that {data['wrong_label_prior']:.1%} of all labels are. The rest are the model's mistakes: "
            "let a person judge.",
            text_table(["likely wrong", "row", "given label", "model", "text"], rows[:SHOWN]),
        ]
    )


def _all_issues(data: dict) -> list[tuple[str, dict]]:
    issues = [(split, issue) for split, found in data["label_issues"].items() for issue in found]
    return sorted(issues, key=lambda pair: -pair[1]["likelihood"])


def _labelled(row: dict) -> list[str]:
    return [LABEL_NAMES[row["label"]], LABEL_NAMES[1 - row["label"]], escape(row["text"])]
