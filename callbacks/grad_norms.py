"""What the gradients look like in every layer, before clipping, and what the optimiser makes of them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from transformers import TrainerCallback

from callbacks.dead_units import DeadUnits
from callbacks.tensor_sums import TensorSums, local, pieces
from cli.errors import UserError
from cli.table import table
from eval.run_directory import Journal, read_journal
from models.layers import parameters_by_layer

EVERY = 20  # steps; benchmarks/grad_norm_overhead.py measures what it costs
FLOAT32 = torch.finfo(torch.float32)


class GradNorms(TrainerCallback):
    """Records, layer by layer, gradients before clipping, weights and their update, Adam's second moment, dead units.

    `every` is the cadence: step 1 and every so many steps, or a function of the step. A record is one journal line of
    kind "grad_norms"; each of `sinks` is called with it too. Its figures for a layer, over the trainable parameters
    that received a gradient:

        norm, mean_abs, zero_fraction   of the gradient: L2 norm, mean |g|, share of exact zeros
        weight_norm, update_norm        L2 norms of the weights before the step and of what the step changed
        second_moment                   mean of Adam's exp_avg_sq after the step
        effective_step                  lr / (sqrt(second_moment / (1 - beta2^t)) + eps) (Kingma & Ba 2015, algorithm 1)
        dead_fraction                   share of a rectifier's units that were zero at every position of the batch

    What does not apply is absent. At the end of an epoch an event "epoch_grad_norms" holds the median and maximum of
    every layer's norm. Gradients are those of the whole step: accumulated, averaged over processes.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        every: int | Callable[[int], bool] = EVERY,
        per_parameter: bool = False,
        sinks: Sequence[Callable[[dict], None]] = (),
    ):
        self.journal = journal
        self.is_recorded = every if callable(every) else lambda step: step == 1 or step % every == 0
        self.per_parameter = per_parameter
        self.sinks = sinks
        self._dead_units = DeadUnits()
        self._weights: dict[str, Tensor] = {}
        self._epoch_records: list[Mapping[str, Any]] = []
        self._forget()

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        refuse_hidden_gradients(args, model)
        self._forget()
        self._epoch_records = []
        if state.is_world_process_zero and state.global_step and self.journal.path.exists():
            self._take_up(state, read_journal(self.journal.path))

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if self.is_recorded(state.global_step + 1):
            self._dead_units.watch(model)

    def on_gradients(self, args, state, control, model=None, optimizer=None, grad_scale: float = 1.0, **kwargs):
        """Take the sums over the gradients, which stand multiplied by `grad_scale`, and keep the weights."""
        if not self.is_recorded(state.global_step + 1):
            return
        self._grad_scale = grad_scale
        self._sums = TensorSums()
        for layer, parameters in parameters_by_layer(model).items():
            if with_gradient := [(name, parameter) for name, parameter in parameters if parameter.grad is not None]:
                self._layers[layer] = with_gradient
        for layer, pairs in self._layers.items():
            for name, parameter in pairs:
                _add_gradient(self._sums, name, parameter.grad, is_embedding=layer == "embeddings")
                self._keep(name, local(parameter))
        for layer, (units, dead) in self._dead_units.count(args).items():
            self._units[layer] = units
            self._sums.add((layer, "dead"), dead)

    def on_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
        """Take the sums over what the step changed."""
        if self._sums is None:
            return
        groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
        for name, parameter in chain(*self._layers.values()):
            _add_update(self._sums, name, parameter, self._weights[name])
            moments = optimizer.state.get(parameter, {})
            if "exp_avg_sq" in moments and "betas" in groups[parameter]:
                self._adam[name] = {key: groups[parameter][key] for key in ("lr", "betas", "eps")}
                _add_second_moment(self._sums, name, moments)

    def on_step_end(self, args, state, control, **kwargs):
        """Transfer the sums, and write the record now that step and epoch have moved on."""
        if self._sums is None:
            return
        sums = self._sums.fetch()
        total = math.sqrt(sum(sums[name, "gradient_squares"] for name, _ in chain(*self._layers.values())))
        record = {
            "step": state.global_step,
            "epoch": state.epoch,
            "clipped": 0 < args.max_grad_norm < total / self._grad_scale,
            "total": total / self._grad_scale,
            "layers": {layer: self._figures(sums, pairs, layer) for layer, pairs in self._layers.items()},
        }
        if self.per_parameter:
            named = chain(*self._layers.values())
            record["parameters"] = {pair[0]: self._figures(sums, [pair]) for pair in named}
        if not next(iter(self._weights.values())).is_cpu:
            # There the copy lives only across the optimiser step, when the activations are gone. On a CPU it is kept:
            # touching fresh pages takes longer than the copying.
            self._weights.clear()
        self._forget()
        self._epoch_records.append(record)
        if state.is_world_process_zero:
            self.journal.write("grad_norms", **record)
            for sink in self.sinks:
                sink(record)

    def on_epoch_end(self, args, state, control, **kwargs):
        self._finish_epoch(state)

    def on_train_end(self, args, state, control, **kwargs):
        self._dead_units.forget()

    def _forget(self) -> None:
        """Be between two records."""
        self._sums: TensorSums | None = None
        self._layers: dict[str, list[tuple[str, nn.Parameter]]] = {}
        self._adam: dict[str, dict] = {}
        self._units: dict[str, int] = {}
        self._grad_scale = 1.0
        self._dead_units.forget()

    def _keep(self, name: str, weight: Tensor) -> None:
        if name in self._weights:
            self._weights[name].copy_(weight)
        else:
            self._weights[name] = weight.clone()

    def _take_up(self, state, lines: list[dict]) -> None:
        """Fetch the records of the epoch under way; where an epoch just ended, see that its event is there."""
        ends_epoch = state.epoch == math.ceil(state.epoch)
        begin = math.ceil(state.epoch) - 1
        lines = [line for line in lines if line["step"] <= state.global_step and line["epoch"] > begin]
        self._epoch_records = [line for line in lines if line["kind"] == "grad_norms"]
        if ends_epoch:
            # The run may have been killed after its checkpoint and before the end of the epoch.
            if any(line.get("event") == "epoch_grad_norms" for line in lines):
                self._epoch_records = []
            else:
                self._finish_epoch(state)

    def _finish_epoch(self, state) -> None:
        records, self._epoch_records = self._epoch_records, []
        if records and state.is_world_process_zero:
            fields = {"event": "epoch_grad_norms", "records": len(records), "layers": summarise_norms(records)}
            self.journal.write("event", state.global_step, state.epoch, **fields)

    def _figures(self, sums: dict, pairs: list[tuple[str, nn.Parameter]], layer: str | None = None) -> dict[str, float]:
        """The figures of some parameters taken together, in order of the class's docstring."""
        names = [name for name, _ in pairs]
        count = sum(parameter.numel() for _, parameter in pairs)

        def total(key: str) -> float:
            return sum(sums[name, key] for name in names)

        mean_abs = total("gradient_absolute") / count
        figures = {
            "norm": math.sqrt(total("gradient_squares")) / self._grad_scale,
            "mean_abs": mean_abs / self._grad_scale,
            "zero_fraction": 1 - total("gradient_nonzero") / count if math.isfinite(mean_abs) else math.nan,
            "weight_norm": math.sqrt(total("weight_squares")),
            "update_norm": math.sqrt(total("update_squares")),
        }
        if all(name in self._adam for name in names):
            figures["second_moment"] = total("second_moment") / count
            figures["effective_step"] = _effective_step(
                figures["second_moment"], sums[names[0], "adam_steps"], **self._adam[names[0]]
            )
        if layer in self._units:
            figures["dead_fraction"] = sums[layer, "dead"] / self._units[layer]
        return figures


def summarise_norms(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Median and maximum of every layer's gradient norm over some records: {layer: {"median", "max"}}."""
    norms: dict[str, list[float]] = {}
    for record in records:
        for layer, figures in record["layers"].items():
            norms.setdefault(layer, []).append(figures["norm"])
    return {layer: {"median": median(values), "max": max(values)} for layer, values in norms.items()}


def epoch_table(lines: Iterable[Mapping[str, Any]]) -> str:
    """A table of the gradient norms from a journal's lines: a row for every layer, the epochs' median (max)."""
    epochs = {math.ceil(line["epoch"]): line["layers"] for line in lines if line.get("event") == "epoch_grad_norms"}
    layers = dict.fromkeys(chain(*epochs.values()))
    rows = [[layer, *(_cell(epochs[epoch].get(layer)) for epoch in epochs)] for layer in layers]
    return table(["gradient norm", *(f"epoch {epoch}" for epoch in epochs)], rows)


def refuse_hidden_gradients(args, model: nn.Module) -> None:
    """Raise UserError where a parameter's gradient is not to be had: DeepSpeed, and FSDP before version 2."""
    wrapped = any(isinstance(module, FullyShardedDataParallel) for module in model.modules())
    if wrapped or args.deepspeed_plugin is not None:
        what = "FSDP version 1" if wrapped else "DeepSpeed"
        remedy = "take fsdp_version 2" if wrapped else "use FSDP version 2"
        raise UserError(f"{what} hides the gradients: --grad_norm_steps 0 turns their recording off, or {remedy}")


def _add_gradient(sums: TensorSums, name: str, gradient: Tensor, *, is_embedding: bool) -> None:
    for piece in pieces(_touched_rows(gradient) if is_embedding else gradient):
        signs = piece.sign()
        absolute = torch.dot(signs, piece)
        # In units of its mean, so that the squares of a vanishing or exploding gradient stay inside float32.
        per_mean = (piece.numel() / absolute).clamp(FLOAT32.tiny, FLOAT32.max)
        unit = piece * per_mean
        sums.add((name, "gradient_absolute"), absolute, of=gradient)
        sums.add((name, "gradient_squares"), torch.dot(unit, unit).sqrt() / per_mean, squared=True, of=gradient)
        sums.add((name, "gradient_nonzero"), torch.dot(signs, signs), of=gradient)


def _touched_rows(gradient: Tensor) -> Tensor:
    """The rows of an embedding's gradient that are not all zero, which are those of the batch's words.

    On a CPU half of the time would go into adding up zeros; on a GPU choosing rows would make it wait.
    """
    gradient = local(gradient)
    if not gradient.is_cpu or gradient.dim() != 2:
        return gradient
    return gradient[(gradient.amax(1) != 0) | (gradient.amin(1) != 0)]


def _add_update(sums: TensorSums, name: str, parameter: nn.Parameter, before: Tensor) -> None:
    for old, new in zip(pieces(before), pieces(parameter), strict=True):
        change = new - old
        sums.add((name, "weight_squares"), torch.dot(old, old), of=parameter)
        sums.add((name, "update_squares"), torch.dot(change, change), of=parameter)


def _add_second_moment(sums: TensorSums, name: str, moments: Mapping[str, Any]) -> None:
    for piece in pieces(moments["exp_avg_sq"]):
        sums.add((name, "second_moment"), piece.sum(), of=moments["exp_avg_sq"])
    sums.add((name, "adam_steps"), torch.as_tensor(moments["step"]))


def _effective_step(second_moment: float, steps: float, lr, betas, eps) -> float:
    return float(lr) / (math.sqrt(second_moment / (1 - float(betas[1]) ** steps)) + eps)


def _cell(norm: Mapping[str, float] | None) -> str:
    return f"{norm['median']:.3g} ({norm['max']:.3g})" if norm else "-"
