"""Stop a run whose loss or gradient is no longer a number, and say where it began."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from callbacks.tensor_sums import joint_norm, local, total_gradient_norm
from cli.errors import UserError
from eval.run_directory import Journal
from models.layers import layer_of, parameters_by_layer

Batch = tuple[tuple, dict[str, Any]]
NamedTensor = tuple[str, str, Tensor]  # layer, name, tensor


class NonFinite(UserError):
    """The loss, a gradient or a weight became NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a network first ceased to be finite: in the "weights", "output" or "gradient" of a layer, or in the "loss".

    `name` is the parameter or module, `value` NaN or an infinity; a finite value is one whose square overflows.
    """

    quantity: str
    layer: str | None
    name: str | None
    value: float

    def __str__(self) -> str:
        where = f"the {self.quantity} of {self.layer} ({self.name})" if self.layer else "the training loss"
        if math.isfinite(self.value):
            return f"{where} became too large"
        return f"{where} became {'NaN' if math.isnan(self.value) else 'infinite'} first"


class NonFiniteGuard(TrainerCallback):
    """Raises NonFinite before the optimiser takes a step with a gradient that is not finite.

    Nothing is saved after that, so the last checkpoint on disk is good. While a GradScaler (fp16) is active such steps
    are normal, as it skips them and halves its scale: they count only once the scale is down to 1.
    """

    def __init__(self, journal: Journal):
        self.journal = journal
        self._model: nn.Module | None = None
        self._hook = None
        self._batches: list[Batch] = []
        self._loss: float | None = None
        self._checkpoint: int | None = None

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self._model = model
        self._hook = model.register_forward_pre_hook(self._remember, with_kwargs=True)
        self._loss = None
        self._checkpoint = state.global_step or None

    def on_step_begin(self, args, state, control, **kwargs):
        self._batches = []

    def on_gradients(
        self,
        args,
        state,
        control,
        model=None,
        optimizer=None,
        total_norm: float | Tensor | None = None,
        grad_scale: float = 1.0,
        **kwargs,
    ):
        """Check the total norm of the gradients, which is computed here unless the caller knows it."""
        norm = total_gradient_norm(model) if total_norm is None else float(total_norm)
        if not math.isfinite(norm) and grad_scale <= 1:
            # Replaying takes collectives where weights are sharded: all processes do it or none.
            origin = _earliest(weights_origin(model), args.world_size)
            origin = origin or output_origin(self._model, list(self._batches)) or gradient_origin(model)
            self._stop(args, state, state.global_step + 1, origin)

    def on_log(self, args, state, control, logs, model=None, **kwargs):
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            origin = weights_origin(model) or Origin("loss", None, None, logs["loss"])
            self._stop(args, state, state.global_step, origin)
        self._loss = logs["loss"]

    def on_step_end(self, args, state, control, model=None, **kwargs):
        # A finite gradient can still make an infinite weight, which must not be saved over a good one.
        if control.should_save and not math.isfinite(joint_norm(model.parameters())):
            self._stop(args, state, state.global_step, weights_origin(model) or largest("weights", _weights(model)))

    on_epoch_end = on_step_end

    def on_save(self, args, state, control, **kwargs):
        self._checkpoint = state.global_step

    def on_train_end(self, args, state, control, **kwargs):
        self._hook.remove()
        self._batches = []

    def _remember(self, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        if model.training:
            self._batches.append((args, kwargs))

    def _stop(self, args, state, step: int, origin: Origin) -> None:
        self._hook.remove()
        origin = _earliest(origin, args.world_size)
        if state.is_world_process_zero:
            fields = {**asdict(origin), "last_checkpoint": self._checkpoint}
            self.journal.write("event", step, state.epoch, event="non_finite", **fields)
        before = f" (loss {self._loss:.4g} before)" if self._loss is not None else ""
        kept = (
            f"the last good checkpoint is step {self._checkpoint}"
            if self._checkpoint
            else "no checkpoint was saved yet"
        )
        advice = "Lower --learning_rate or lengthen --warmup_steps, in another --output_dir"
        raise NonFinite(f"step {step}: {origin}{before}; {kept}. {advice}")


def weights_origin(model: nn.Module) -> Origin | None:
    """The first parameter from the input that is not finite."""
    return _first_non_finite("weights", _weights(model))


def output_origin(model: nn.Module, batches: Iterable[Batch]) -> Origin | None:
    """The first module whose output is not finite when the batches go through the model again."""
    found: list[Origin] = []

    def look(name: str):
        def hook(module: nn.Module, inputs, output) -> None:
            value = None if found else _non_finite_output(output)
            if value is not None:
                # What the model itself adds to finite outputs of its modules is the loss.
                layer, quantity = (layer_of(name), "output") if name else (None, "loss")
                found.append(Origin(quantity, layer, name or None, value))

        return hook

    handles = [module.register_forward_hook(look(name)) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            for args, kwargs in batches:
                model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def gradient_origin(model: nn.Module) -> Origin:
    """The parameter nearest to the head whose gradient is not finite: what arises there spreads towards the input."""
    gradients = [(layer, name, weight.grad) for layer, name, weight in _weights(model) if weight.grad is not None]
    return _first_non_finite("gradient", reversed(gradients)) or largest("gradient", gradients)


def largest(quantity: str, tensors: Iterable[NamedTensor]) -> Origin:
    """The tensor with the largest element, for when all are finite and only their squares are not."""
    shards = [(layer, name, local(tensor)) for layer, name, tensor in tensors]
    # A process may hold none of a small tensor's rows.
    sizes = [(shard.abs().max().item(), layer, name) for layer, name, shard in shards if shard.numel()]
    value, layer, name = max(sizes)
    return Origin(quantity, layer, name, value)


def _weights(model: nn.Module) -> list[NamedTensor]:
    return [(layer, *named) for layer, parameters in parameters_by_layer(model).items() for named in parameters]


def _first_non_finite(quantity: str, tensors: Iterable[NamedTensor]) -> Origin | None:
    for layer, name, tensor in tensors:
        if (value := _non_finite(local(tensor))) is not None:
            return Origin(quantity, layer, name, value)
    return None


def _non_finite(tensor: Tensor) -> float | None:
    """NaN or an infinity, if a tensor holds one."""
    if not tensor.is_floating_point() or tensor.isfinite().all():
        return None
    return math.nan if tensor.isnan().any() else tensor[tensor.isinf()][0].item()


def _non_finite_output(output: Any) -> float | None:
    if isinstance(output, Tensor):
        return _non_finite(output)
    items = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((value for item in items if (value := _non_finite_output(item)) is not None), None)


def _earliest(origin: Origin | None, world_size: int) -> Origin | None:
    """The most telling of what the processes found: only one of them may have the bad batch, or the bad shard."""
    if world_size == 1:
        return origin
    origins: list[Origin | None] = [None] * world_size
    torch.distributed.all_gather_object(origins, origin)
    return min(filter(None, origins), key=_telling, default=None)


def _telling(origin: Origin) -> tuple[int, bool, float]:
    finite = math.isfinite(origin.value)
    return ("weights", "output", "loss", "gradient").index(origin.quantity), finite, -origin.value if finite else 0.0
