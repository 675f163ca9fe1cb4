"""The end of a run: the model at the root of its directory, its metrics, and what is printed."""

import dataclasses
import shutil
import tempfile
from pathlib import Path

import numpy as np
from peft import PeftModel
from scipy.special import softmax

from cli.errors import UserError
from cli.table import table
from eval.metrics import metrics_with_intervals
from eval.run_directory import SCHEMA_VERSION, RunDirectory
from models.tuning import merge_lora
from train.checkpoints import SAVE_ERRORS, why_not_saved


def export_model(trainer, run: RunDirectory) -> None:
    """Save the trained network and its tokenizer at the root of the run; adapters are merged and kept beside it."""
    scratch = Path(tempfile.mkdtemp(prefix=".saving-", dir=run.path)) if trainer.args.should_save else run.path
    try:
        model = trainer.accelerator.unwrap_model(trainer.model)
        if isinstance(model, PeftModel):
            trainer.save_model(str(scratch / "adapter"))
            if trainer.args.should_save:
                merge_lora(model).save_pretrained(scratch)
                trainer.processing_class.save_pretrained(scratch)
        else:
            trainer.save_model(str(scratch))
        if trainer.args.should_save:
            _move_into(scratch, run.path)
    except SAVE_ERRORS as error:
        raise UserError(
            f"the model could not be saved in {run.path} ({why_not_saved(run.path, error)}): nothing is lost, free "
            "some space and run the same command with --resume"
        ) from error
    finally:
        if trainer.args.should_save:
            shutil.rmtree(scratch, ignore_errors=True)


def _move_into(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        # training_args.bin is a pickle; config.yaml says the same in words.
        if path.is_file() and path.name != "training_args.bin":
            destination = target / path.relative_to(source)
            destination.parent.mkdir(exist_ok=True)
            path.replace(destination)


def evaluate(trainer, dataset) -> dict:
    """Metrics of the trained network on a tokenised split, each with n and its 95% interval."""
    prediction = trainer.predict(dataset)
    probabilities = softmax(np.asarray(prediction.predictions, dtype=np.float64), axis=-1)
    estimates = metrics_with_intervals(probabilities, prediction.label_ids)
    return {name: estimate.to_dict() for name, estimate in estimates.items()}


def metrics_document(corpus: str, overlap, best_step: int, validation: dict, test: dict) -> dict:
    """What metrics.json holds."""
    return {
        "schema": SCHEMA_VERSION,
        "corpus": corpus,
        "overlap": dataclasses.asdict(overlap),
        "best_step": best_step,
        "validation": validation,
        "test": test,
    }


def metrics_table(metrics: dict) -> str:
    """The metrics of both splits as a short table with their 95% intervals."""

    def cell(estimate: dict) -> str:
        if estimate["value"] is None:
            return "undefined"
        interval = "" if estimate["low"] is None else f" [{estimate['low']:.3f}, {estimate['high']:.3f}]"
        return f"{estimate['value']:.3f}{interval}"

    splits = ("validation", "test")
    counts = [metrics[split]["accuracy"]["n"] for split in splits]
    header = ["95% intervals", *(f"{split}, n = {count:,}" for split, count in zip(splits, counts, strict=True))]
    return table(header, [[name, *(cell(metrics[split][name]) for split in splits)] for name in metrics["test"]])
