"""A transformer and its training loop in plain torch, as one would write them by hand, without a mistake.

benchmarks/planted_mistakes.py plants the mistakes: every decision is a method, so that a mistake replaces one.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

PAD = 0
IGNORED = -100

Row = tuple[list[int], int]
"""The ids of a text and its label."""
Batch = tuple[Tensor, Tensor]
"""Ids (rows, tokens), padded on the right, and labels (rows,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What both arms of a comparison share."""

    language_model: bool = False
    steps: int = 320
    train_rows: int = 2560
    batch_size: int = 16
    micro_batches: int = 1
    """Batches whose gradients are added up before a step."""
    vocab_size: int = 1024
    max_length: int = 40
    width: int = 64
    depth: int = 2
    heads: int = 4
    dropout: float = 0.1
    learning_rate: float = 1e-3
    warm_up: float = 0.1
    weight_decay: float = 0.01
    max_norm: float = 1.0


class PlainTransformer(nn.Module):
    """Reads ids (rows, tokens); gives logits for each row's class, or for each token's next one."""

    def __init__(self, settings: Settings):
        super().__init__()
        width = settings.width
        self.language_model = settings.language_model
        self.tokens = nn.Embedding(settings.vocab_size, width)
        self.positions = nn.Embedding(settings.max_length, width)
        layer = nn.TransformerEncoderLayer(
            width, settings.heads, 2 * width, settings.dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, settings.depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, settings.vocab_size if settings.language_model else 2)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        x = self.encoder(x, mask=self.causal_mask(ids), src_key_padding_mask=self.padding_mask(ids))
        if self.language_model:
            return self.head(x[:, :-1])
        real = (ids != PAD).unsqueeze(-1)
        return self.head((x * real).sum(1) / real.sum(1))

    def embed(self, ids: Tensor) -> Tensor:
        return self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))

    def padding_mask(self, ids: Tensor) -> Tensor | None:
        """(rows, tokens), True where nothing may look."""
        return ids == PAD

    def causal_mask(self, ids: Tensor) -> Tensor | None:
        """(tokens, tokens), True where a token (first dimension) may not look; a classifier looks everywhere."""
        tokens = ids.shape[1]
        everything = torch.ones(tokens, tokens, dtype=torch.bool, device=ids.device)
        return everything.triu(1) if self.language_model else None


class PlainLoop:
    """Trains a network on rows; after train() it is the best one by validation loss."""

    def __init__(self, settings: Settings, train: list[Row], validation: list[Row], seed: int, device: str = "cpu"):
        torch.manual_seed(seed)
        self.settings, self.train_rows, self.validation_rows = settings, train[: settings.train_rows], validation
        self.device = device
        self.network = PlainTransformer(settings).to(device)
        self.order = torch.Generator().manual_seed(seed)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.rate)
        self.step, self.losses = 0, []
        self.best_loss, self.best = float("inf"), None

    def train(self) -> None:
        while self.step < self.settings.steps:
            for _ in self.epoch():
                pass
            self.validate()
        self.restore()

    def epoch(self) -> Iterator[None]:
        """One pass over the rows; stops after each step, so that two loops can be timed side by side."""
        self.network.train()
        for batches in self.batches():
            self.zero_grad()
            step_loss = 0.0
            for batch in batches:
                loss = self.total_loss(batch) / self.divisor(batch, batches)
                loss.backward()
                step_loss = step_loss + loss.detach()
            self.clip()
            self.optimizer.step()
            self.schedule.step()
            self.log(step_loss)
            yield

    def batches(self) -> Iterator[list[Batch]]:
        """The batches of each step, in random order, until the epoch or the training is over."""
        rows = torch.randperm(len(self.train_rows), generator=self.order).tolist()
        for numbers in split(rows, self.settings.batch_size):
            if self.step == self.settings.steps:
                return
            self.step += 1
            parts = split(numbers, -(-len(numbers) // self.settings.micro_batches))
            yield [self.to_device(pad([self.train_rows[row] for row in part])) for part in parts]

    def to_device(self, batch: Batch) -> Batch:
        return batch[0].to(self.device), batch[1].to(self.device)

    def targets(self, batch: Batch) -> Tensor:
        """What is to be predicted: the labels, or at each token the next one, never padding."""
        ids, labels = batch
        return ids[:, 1:].masked_fill(ids[:, 1:] == PAD, IGNORED) if self.settings.language_model else labels

    def total_loss(self, batch: Batch) -> Tensor:
        """The sum over everything predicted."""
        return functional.cross_entropy(
            self.network(batch[0]).flatten(0, -2), self.targets(batch).flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def predictions(self, batch: Batch) -> Tensor:
        return (self.targets(batch) != IGNORED).sum()

    def divisor(self, batch: Batch, batches: list[Batch]) -> Tensor | int:
        """What turns the batch's sum into its part of the mean over the whole step."""
        return sum(self.predictions(each) for each in batches)

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def clip(self) -> None:
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.max_norm)

    def rate(self, step: int) -> float:
        """The share of the learning rate: up in a straight line, then down to 0."""
        total, up = self.settings.steps, max(1, int(self.settings.warm_up * self.settings.steps))
        return (step + 1) / up if step < up else (total - step) / (total - up)

    def log(self, loss: Tensor) -> None:
        """Keep it as it is: to read it is to wait for the device."""
        self.losses.append(loss)

    def validate(self) -> None:
        """Keep a copy of the network if it is the best so far."""
        loss = self.mean_loss(self.validation_rows)
        if loss < self.best_loss:
            self.best_loss, self.best = loss, copy.deepcopy(self.network.state_dict())

    def mean_loss(self, rows: list[Row]) -> float:
        self.network.eval()
        with torch.no_grad():
            batches = [self.to_device(pad(part)) for part in split(rows, 128)]
            total = sum(self.total_loss(batch) for batch in batches)
            return float(total / sum(self.predictions(batch) for batch in batches))

    def restore(self) -> None:
        self.network.load_state_dict(self.best)


def pad(rows: list[Row]) -> Batch:
    """Rows of unequal length as one batch."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [PAD] * (longest - len(ids)) for ids, _ in rows])
    return ids, torch.tensor([label for _, label in rows])


def split(rows: list, size: int) -> list[list]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def score(network: Callable[[Tensor], Tensor], rows: list[Row]) -> tuple[float, float]:
    """Mean loss in nats and accuracy over everything in `rows` that is to be predicted, and nothing else."""
    loss = right = n = 0
    with torch.no_grad():
        for ids, labels in map(pad, split(rows, 128)):
            logits = network(ids)
            wanted = ids[:, 1:] if logits.dim() == 3 else labels
            real = wanted != PAD if logits.dim() == 3 else torch.ones_like(labels, dtype=torch.bool)
            logits, wanted = logits[real], wanted[real]
            loss += float(functional.cross_entropy(logits, wanted, reduction="sum"))
            right += int((logits.argmax(-1) == wanted).sum())
            n += len(wanted)
    return loss / n, right / n
