"""A toy network with embeddings, rectified blocks and a head, and a Trainer for it."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import PrinterCallback, TrainingArguments

from eval.run_directory import Journal, read_journal
from train.trainer import ClinicTrainer

VOCABULARY, WIDTH = 20, 8


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.relu = nn.ReLU()

    def forward(self, x):
        return x + self.relu(self.linear(x))


class Toy(nn.Module):
    def __init__(self, blocks=3):
        super().__init__()
        self.embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))
        self.classifier = nn.Linear(WIDTH, 2)

    def forward(self, input_ids, labels=None):
        x = self.embeddings(input_ids)
        for block in self.blocks:
            x = block(x)
        logits = self.classifier(x.mean(1))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def rows(count, length=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, VOCABULARY - 5, (count, length), generator=draw)
    return [{"input_ids": row, "labels": int(row.sum() % 2)} for row in tokens]


@pytest.fixture
def toy():
    torch.manual_seed(0)
    return Toy()


@pytest.fixture
def batch():
    data = rows(8)
    return {
        "input_ids": torch.stack([row["input_ids"] for row in data]),
        "labels": torch.tensor([row["labels"] for row in data]),
    }


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def lines(journal):
    """Reads the journal's lines, of one kind or all."""
    return lambda kind=None: [line for line in read_journal(journal.path) if kind in (None, line["kind"])]


@pytest.fixture
def events(lines):
    """Reads the journal's events of one name."""
    return lambda name: [line for line in lines("event") if line["event"] == name]


@pytest.fixture
def make_trainer(tmp_path):
    """Builds a ClinicTrainer of the toy network: 32 rows, batches of 4, so 8 steps an epoch, everything logged."""

    def make(model, callbacks, *, train_rows=32, **overrides):
        settings = {
            "output_dir": str(tmp_path / "run"),
            "per_device_train_batch_size": 4,
            "num_train_epochs": 1,
            "learning_rate": 1e-2,
            "logging_steps": 1,
            "logging_nan_inf_filter": False,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
        }
        trainer = ClinicTrainer(
            model=model,
            args=TrainingArguments(**(settings | overrides)),
            train_dataset=rows(train_rows),
            eval_dataset=rows(8, seed=1),
            callbacks=callbacks,
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    return make


@pytest.fixture
def trainer_args():
    """What callbacks ask of the training arguments, for events called by hand."""
    return SimpleNamespace(world_size=1, max_grad_norm=1.0, deepspeed_plugin=None)
