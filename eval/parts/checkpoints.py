"""The key figures of every checkpoint that a run kept."""

from dataclasses import dataclass
from pathlib import Path

from cli.errors import UserError
from eval.calibration import expected_calibration_error
from eval.markup import escape, estimate, image, table
from eval.metrics import Estimate, metrics_with_intervals
from eval.parts import Remark, counted
from eval.parts.calibration import points
from eval.plots.checkpoints import draw_checkpoints
from eval.predictor import Predictor
from eval.subject import Options, Subject

TITLE = "Checkpoints"
ROWS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on the test rows."""

    step: int
    accuracy: Estimate
    log_loss: Estimate
    expected_calibration_error: Estimate


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Every checkpoint by its step, and why some were skipped."""

    checkpoints: list[Checkpoint]
    skipped: dict[str, str]
    """{folder name: reason}."""


def measure(subject: Subject, options: Options) -> Checkpoints | None:
    """Load and score one checkpoint after the other; None unless asked for, or where there is none."""
    folders = subject.run.checkpoints if subject.run and options.checkpoints else []
    if not folders:
        return None
    checkpoints, skipped = [], {}
    for folder in options.progress(folders, "checkpoints", len(folders)):
        if (folder / "adapter_config.json").is_file():
            skipped[folder.name] = "it holds a LoRA adapter only"
            continue
        try:
            predictor = Predictor.load(str(folder))
        except UserError as error:
            skipped[folder.name] = str(error)
            continue
        checkpoints.append(_score(folder, predictor, subject, options.seed))
    return Checkpoints(checkpoints, skipped)


def _score(folder: Path, predictor: Predictor, subject: Subject, seed: int) -> Checkpoint:
    split = subject.corpus.test
    probabilities, labels = predictor.predict(split["text"][:]).probabilities, split["label"][:]
    return Checkpoint(
        step=int(folder.name.rpartition("-")[2]),
        **metrics_with_intervals(probabilities, labels, names=("accuracy", "log_loss"), seed=seed),
        expected_calibration_error=expected_calibration_error(probabilities, labels, seed=seed),
    )


def remarks(data: dict) -> list[Remark]:
    """None: a checkpoint chosen by its test figures would be chosen on the test rows."""
    return []


def section(data: dict) -> str:
    """A table by step; with many checkpoints, the last ones."""
    lines = ["To be read, not to be chosen by: a checkpoint that is picked on the test rows looks better than it is."]
    if shown := data["checkpoints"][-ROWS_SHOWN:]:
        rows = [
            [
                f"{checkpoint['step']:,}",
                estimate(checkpoint["accuracy"]),
                estimate(checkpoint["log_loss"]),
                points(checkpoint["expected_calibration_error"]),
            ]
            for checkpoint in shown
        ]
        header = ["step", "accuracy", "log loss (nats)", "expected calibration error"]
        lines += [
            f"{counted(len(data['checkpoints']), 'checkpoint')} on {counted(shown[0]['accuracy']['n'], 'test row')}, "
            "with 95% intervals:",
            table(header, rows),
            image("checkpoints", "Accuracy, log loss and calibration error against the step"),
        ]
    if data["skipped"]:
        reasons = "; ".join(f"{escape(name)}: {escape(reason)}" for name, reason in data["skipped"].items())
        lines.append(f"Skipped: {reasons}.")
    return "\n\n".join(lines)


def plots(data: dict) -> dict:
    """The figures against the step."""
    return {"checkpoints": draw_checkpoints(data["checkpoints"])} if data["checkpoints"] else {}
