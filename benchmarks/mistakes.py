"""The mistakes that docs/code_review.md reviews: one function each, which plants it in a loop of plain_loop.py."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.plain_loop import PAD, Batch, PlainLoop


def missing_zero_grad(loop: PlainLoop) -> None:
    """Gradients of all steps add up."""
    loop.zero_grad = lambda: None


def outside_the_batch_loop(loop: PlainLoop) -> None:
    """Indented one level too few, the step is taken once an epoch, on the last batch."""

    def epoch():
        loop.network.train()
        for (batch,) in loop.batches():
            loss = loop.total_loss(batch) / loop.predictions(batch)
            yield
        loop.zero_grad()
        loss.backward()
        loop.clip()
        loop.optimizer.step()
        loop.schedule.step()
        loop.log(loss.detach())

    loop.epoch = epoch


def batch_first_confusion(loop: PlainLoop) -> None:
    """torch's default, batch_first=False, and a mask turned round until it fits: rows attend to rows."""
    for layer in loop.network.encoder.layers:
        layer.self_attn.batch_first = False
    loop.network.padding_mask = lambda ids: (ids == PAD).T


def no_positions(loop: PlainLoop) -> None:
    """Tokens alone, as if their order said nothing."""
    loop.network.embed = loop.network.tokens.forward


def no_causal_mask(loop: PlainLoop) -> None:
    """The token to be predicted can be looked up."""
    loop.network.causal_mask = lambda ids: None


def no_padding_mask_in_attention(loop: PlainLoop) -> None:
    """Padding is attended to like any word."""
    loop.network.padding_mask = lambda ids: None


def no_padding_mask_in_loss(loop: PlainLoop) -> None:
    """Padding is predicted like any word, and the mean is taken over it too."""
    loop.targets = lambda batch: batch[0][:, 1:]


def no_eval_mode(loop: PlainLoop) -> None:
    """Dropout goes on in validation, test and use."""
    loop.network.eval = lambda: loop.network


def no_return_to_train_mode(loop: PlainLoop) -> None:
    """network.train() is called once, before the first epoch: after the first validation dropout stays off."""
    loop.network.train = lambda mode=True: loop.network if mode else type(loop.network).train(loop.network, False)


def no_device_handling(loop: PlainLoop) -> None:
    """The network was moved, the batches are not."""
    loop.to_device = lambda batch: batch


def adam_defaults(loop: PlainLoop) -> None:
    """Adam(parameters) and nothing else: its default rate of 0.001 from the first step to the last."""
    loop.optimizer = torch.optim.Adam(loop.network.parameters())
    loop.schedule = torch.optim.lr_scheduler.ConstantLR(loop.optimizer, factor=1.0)


def no_weight_decay(loop: PlainLoop) -> None:
    """Weights are drawn nowhere."""
    for group in loop.optimizer.param_groups:
        group["weight_decay"] = 0.0


def no_clipping(loop: PlainLoop) -> None:
    """A gradient is followed however large it is."""
    loop.clip = lambda: None


def no_validation(loop: PlainLoop) -> None:
    """No look at other rows, no copy of the best network: the last one is taken."""
    loop.validate = loop.restore = lambda: None


def item_and_print_every_batch(loop: PlainLoop) -> None:
    """Each step waits for its loss and prints it."""
    keep = loop.log

    def log(loss: Tensor) -> None:
        keep(loss)
        print(f"step {loop.step}: loss {loss.item():.4f}", flush=True)

    loop.log = log


def undivided_accumulation(loop: PlainLoop) -> None:
    """The gradient of k batches is their sum, k times too large."""

    def divisor(batch: Batch, batches: list[Batch]) -> Tensor:
        return loop.predictions(batch)

    loop.divisor = divisor


def mean_of_means(loop: PlainLoop) -> None:
    """Each batch counts alike, so a token in a batch of few counts more."""

    def divisor(batch: Batch, batches: list[Batch]) -> Tensor:
        return loop.predictions(batch) * len(batches)

    loop.divisor = divisor


CLASSIFIER = {"learning_rate": 2e-3}
LANGUAGE_MODEL = {"language_model": True, "learning_rate": 8e-3}
TASKS = {
    "classifier": CLASSIFIER,
    "classifier without clipping": CLASSIFIER | {"max_norm": math.inf},
    # Read eight times: regularisation, and choosing the best epoch, have something to do.
    "classifier on few rows": CLASSIFIER | {"train_rows": 640},
    "language model": LANGUAGE_MODEL,
    "language model in 4 micro-batches": LANGUAGE_MODEL | {"micro_batches": 4},
}
"""What is trained, right and mistaken: fields of Settings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """A mistake, and where it is measured."""

    title: str
    """Its heading in docs/code_review.md."""
    plant: Callable[[PlainLoop], None]
    tasks: tuple[str, ...] = ("classifier",)
    metrics: tuple[str, ...] = ()
    """Columns of the CSV; accuracy for classifiers and loss for language models where they are left out."""

    @property
    def name(self) -> str:
        return self.plant.__name__


MISTAKES = (
    Mistake(title="Missing zero_grad", plant=missing_zero_grad, tasks=("classifier", "classifier without clipping")),
    Mistake(title="Forward and backward outside the batch loop", plant=outside_the_batch_loop),
    Mistake(title="Batch-first confusion", plant=batch_first_confusion),
    Mistake(title="No positions", plant=no_positions, tasks=("classifier", "language model")),
    Mistake(title="No causal mask", plant=no_causal_mask, tasks=("language model",)),
    Mistake(title="No padding mask in attention", plant=no_padding_mask_in_attention),
    Mistake(title="No padding mask in the loss", plant=no_padding_mask_in_loss, tasks=("language model",)),
    Mistake(title="No model.eval()", plant=no_eval_mode),
    Mistake(title="No way back to model.train()", plant=no_return_to_train_mode, tasks=("classifier on few rows",)),
    Mistake(title="No device handling", plant=no_device_handling, metrics=("stopped",)),
    Mistake(
        title="Adam at its default rate, without warm-up", plant=adam_defaults, tasks=("classifier", "language model")
    ),
    Mistake(title="No weight decay", plant=no_weight_decay, tasks=("classifier on few rows",)),
    Mistake(title="No clipping", plant=no_clipping),
    Mistake(
        title="No validation, no checkpoints",
        plant=no_validation,
        tasks=("classifier on few rows",),
        metrics=("test_loss", "test_accuracy"),
    ),
    Mistake(title=".item() and print every batch", plant=item_and_print_every_batch, metrics=("step_ms",)),
    Mistake(
        title="Accumulated gradients that are not divided",
        plant=undivided_accumulation,
        tasks=("language model in 4 micro-batches",),
    ),
    Mistake(
        title="Accumulated means of unequal batches",
        plant=mean_of_means,
        tasks=("language model in 4 micro-batches",),
    ),
)
