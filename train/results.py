"""The end of a run: the model at the root of its directory, its metrics, and what is printed."""

import dataclasses
import shutil
import tempfile
from pathlib import Path

from peft import PeftModel
from transformers.trainer_utils import PredictionOutput

from cli.errors import UserError
from cli.table import table
from eval.run_directory import SCHEMA_VERSION, RunDirectory
from models.layers import non_embedding_parameters
from models.tuning import merge_lora
from train.checkpoints import SAVE_ERRORS, why_not_saved
from train.tasks import Task


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


def judge(prediction: PredictionOutput, task: Task) -> dict:
    """Metrics of what the trained network says to a split, each with n and its 95% interval."""
    estimates = task.estimates(prediction.predictions, prediction.label_ids)
    return {name: estimate.to_dict() for name, estimate in estimates.items()}


def cost_of_training(trainer) -> dict:
    """What a language model's loss was paid with: its size, the tokens it read and the FLOPs they took.

    non_embedding_parameters: N of scaling laws. tokens: those read, without padding, over all epochs and processes up
    to the last step; a text's first is read and not predicted. flops: matrix products forward and backward, those on
    padding too; for a network that cannot count its own, 6 N tokens.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    return {
        "parameters": model.num_parameters(),
        "non_embedding_parameters": non_embedding_parameters(model),
        "tokens": trainer.state.num_input_tokens_seen,
        "flops": trainer.state.total_flos,
    }


def metrics_document(
    corpus: str, overlap, best_step: int, validation: dict, test: dict, training: dict | None = None
) -> dict:
    """What metrics.json holds; training: a language model's cost_of_training."""
    document = {
        "schema": SCHEMA_VERSION,
        "corpus": corpus,
        "overlap": dataclasses.asdict(overlap),
        "best_step": best_step,
        "validation": validation,
        "test": test,
    }
    return document if training is None else document | {"training": training}


def metrics_table(metrics: dict) -> str:
    """The metrics of both splits as a short table with their 95% intervals."""

    def cell(estimate: dict) -> str:
        if estimate["value"] is None:
            return "undefined"
        interval = "" if estimate["low"] is None else f" [{estimate['low']:.3f}, {estimate['high']:.3f}]"
        return f"{estimate['value']:.3f}{interval}"

    splits = ("validation", "test")
    # Every metric of a split rests on the same rows.
    counts = [next(iter(metrics[split].values()))["n"] for split in splits]
    header = ["95% intervals", *(f"{split}, n = {count:,}" for split, count in zip(splits, counts, strict=True))]
    return table(header, [[name, *(cell(metrics[split][name]) for split in splits)] for name in metrics["test"]])
