"""The recipes that the benchmarks compare: transformers' plain one, and what train/run.py does by default.

The same work in each: batches of 32, at most 128 tokens, dropout 0.1, all parameters of MiniLM-L6, AdamW at a rate of
5e-5 that warms up over a tenth of the steps and falls linearly.
"""

from pathlib import Path

from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from eval.run_directory import RunDirectory
from models.loading import load_classifier
from train.config import parse
from train.run import prepare_trainer

BATCH_SIZE = 32
MAX_LENGTH = 128
SCHEDULE = {"learning_rate": 5e-5, "warmup_steps": 0.1, "weight_decay": 0.01}


def load_network():
    """MiniLM-L6 with a new head."""
    return load_classifier("embedded", ["NEGATIVE", "POSITIVE"])


def plain_trainer(rows: Dataset, tokenizer, folder: str, *, padding: str, epochs: int, seed: int = 0) -> Trainer:
    """transformers' Trainer with its default recipe: fp32, random order, rows padded to `max_length` or `longest`."""
    return Trainer(
        model=load_network(),
        args=TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH_SIZE,
            num_train_epochs=epochs,
            optim="adamw_torch",
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
            seed=seed,
            **SCHEDULE,
        ),
        train_dataset=rows.remove_columns("length"),
        data_collator=DataCollatorWithPadding(tokenizer, padding=padding, max_length=MAX_LENGTH),
    )


def our_trainer(rows: Dataset, tokenizer, folder: str, *, epochs: int, seed: int = 0):
    """The Trainer of train/run.py with its defaults and callbacks, and the settings that train() wants beside it."""
    flags = {
        "output_dir": folder,
        "per_device_train_batch_size": BATCH_SIZE,
        "num_train_epochs": epochs,
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": seed,
        **SCHEDULE,
    }
    args, trainer_args, _ = parse([f"--{key}={value}" for key, value in flags.items()])
    splits = {"train": rows, "validation": rows}
    trainer = prepare_trainer(args, trainer_args, RunDirectory(Path(folder)), load_network(), tokenizer, splits)
    return trainer, args
