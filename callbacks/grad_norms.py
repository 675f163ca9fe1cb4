"""What the gradients look like in every layer, before clipping, and what the optimiser makes of them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from transformers import TrainerCallback
from transformers.trainer_utils import has_length

from callbacks.dead_units import DeadUnits
from callbacks.recorded_step import RecordedStep
from cli.errors import UserError
from cli.table import table
from eval.run_directory import Journal, read_journal

EVERY = 50  # steps; benchmarks/grad_norm_overhead.py measures what it costs


class GradNorms(TrainerCallback):
    """Records, layer by layer, gradients before clipping, weights and their update, Adam's second moment, dead units.

    `every` is the cadence: step 1, every so many steps and the last of an epoch, or a function of the step. A record is
    one journal line of kind "grad_norms"; each of `sinks` is called with it too. Its figures for a layer, over the
    trainable parameters that received a gradient:

        norm, mean_abs, zero_fraction   of the gradient: L2 norm, mean |g|, share of exact zeros
        weight_norm, update_norm        L2 norms of the weights before the step and of what the step changed
        second_moment                   mean of Adam's exp_avg_sq after the step
        effective_step                  what Adam multiplies the averaged gradient by
        dead_fraction                   share of a rectifier's units that were zero at every position of the batch

    What does not apply is absent. `per_parameter` adds them for every parameter, under "parameters". At the end of an
    epoch an event "epoch_grad_norms" holds the median and maximum of every layer's norm. Gradients are those of the
    whole step: accumulated, averaged over processes.
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
        self.every = every
        self.per_parameter = per_parameter
        self.sinks = sinks
        self._dead_units = DeadUnits()
        self._weights: dict[str, Tensor] = {}
        self._step: RecordedStep | None = None
        self._epoch_records: list[Mapping[str, Any]] = []
        self._last_step: int | None = None
        self._steps_in_epoch: int | None = None

    def on_train_begin(self, args, state, control, model=None, train_dataloader=None, **kwargs):
        refuse_hidden_gradients(args, model)
        self._last_step = state.max_steps
        if has_length(train_dataloader):
            self._steps_in_epoch = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        self._step = None
        self._epoch_records = []
        if state.is_world_process_zero and state.global_step and self.journal.path.exists():
            self._take_up(state, read_journal(self.journal.path))

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if self._is_recorded(state.global_step + 1):
            self._dead_units.watch(model)

    def on_gradients(self, args, state, control, model=None, optimizer=None, grad_scale: float = 1.0, **kwargs):
        """Called with the gradients of the whole step, multiplied by `grad_scale`, before they are clipped."""
        if self._is_recorded(state.global_step + 1):
            self._step = RecordedStep(model, self._weights, grad_scale)
            self._step.add_dead_units(self._dead_units.count(args))

    def on_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
        if self._step:
            self._step.add_update(optimizer)

    def on_step_end(self, args, state, control, **kwargs):
        """Write the record, now that step and epoch have moved on."""
        if not self._step:
            return
        step, self._step = self._step, None
        step.fetch()
        total = step.total()
        record = {
            "step": state.global_step,
            "epoch": state.epoch,
            "clipped": 0 < args.max_grad_norm < total,
            "total": total,
            "layers": step.layer_figures(),
        }
        if self.per_parameter:
            record["parameters"] = step.parameter_figures()
        if not all(weight.is_cpu for weight in self._weights.values()):
            # There the copy lives only across the optimiser step, when the activations are gone. On a CPU it is kept:
            # touching fresh pages takes longer than the copying.
            self._weights.clear()
        self._epoch_records.append(record)
        if state.is_world_process_zero:
            self.journal.write("grad_norms", **record)
            for sink in self.sinks:
                sink(record)

    def on_epoch_end(self, args, state, control, **kwargs):
        self._finish_epoch(state)

    def on_train_end(self, args, state, control, **kwargs):
        self._dead_units.forget()
        self._weights.clear()

    def _is_recorded(self, step: int) -> bool:
        if callable(self.every):
            return self.every(step)
        if step in (1, self._last_step) or step % self.every == 0:
            return True
        return self._steps_in_epoch is not None and step % self._steps_in_epoch == 0

    def _take_up(self, state, lines: list[dict]) -> None:
        """Fetch the records of the epoch under way, or see that the event of one that just ended is there."""
        begin = math.ceil(state.epoch) - 1
        lines = [line for line in lines if line["step"] <= state.global_step and line["epoch"] > begin]
        has_event = any(line.get("event") == "epoch_grad_norms" for line in lines)
        ends = state.epoch == math.ceil(state.epoch)
        if not (ends and has_event):
            self._epoch_records = [line for line in lines if line["kind"] == "grad_norms"]
        if ends:
            # It is missing where the run was killed after its checkpoint and before the end of the epoch.
            self._finish_epoch(state)

    def _finish_epoch(self, state) -> None:
        records, self._epoch_records = self._epoch_records, []
        if records and state.is_world_process_zero:
            fields = {"event": "epoch_grad_norms", "records": len(records), "layers": summarise_norms(records)}
            self.journal.write("event", state.global_step, state.epoch, **fields)


def summarise_norms(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Median and maximum of every layer's gradient norm over some records: {layer: {"median", "max"}}.

    Norms that are not finite, as in the steps that a GradScaler skips, are left out; NaN where there are no others.
    """
    norms: dict[str, list[float]] = {}
    for record in records:
        for layer, figures in record["layers"].items():
            norms.setdefault(layer, []).append(figures["norm"])
    finite = {
        layer: [value for value in values if math.isfinite(value)] or [math.nan] for layer, values in norms.items()
    }
    return {layer: {"median": median(values), "max": max(values)} for layer, values in finite.items()}


def epoch_table(lines: Iterable[Mapping[str, Any]]) -> str:
    """A table of the gradient norms from a journal's lines: a row for every layer; "" where none are recorded."""
    epochs = {math.ceil(line["epoch"]): line["layers"] for line in lines if line.get("event") == "epoch_grad_norms"}
    if not epochs:
        return ""
    layers = dict.fromkeys(chain(*epochs.values()))
    rows = [[layer, *(_cell(epochs[epoch].get(layer)) for epoch in epochs)] for layer in layers]
    return table(["gradient norm: median (max)", *(f"epoch {epoch}" for epoch in epochs)], rows)


def refuse_hidden_gradients(args, model: nn.Module) -> None:
    """Raise UserError where a parameter's gradient is not to be had: DeepSpeed, and FSDP before version 2."""
    wrapped = any(isinstance(module, FullyShardedDataParallel) for module in model.modules())
    if wrapped or args.deepspeed_plugin is not None:
        what = "FSDP version 1" if wrapped else "DeepSpeed"
        raise UserError(f"{what} hides the gradients: use FSDP version 2, or --grad_norm_steps 0 to record none")


def _cell(norm: Mapping[str, float] | None) -> str:
    return f"{norm['median']:.3g} ({norm['max']:.3g})" if norm else "-"
