"""What the optimiser multiplies the gradient by in each layer, from its own state."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from callbacks.tensor_sums import joint_norm, local
from eval.run_directory import Journal
from models.layers import parameters_by_layer

SAMPLED = 1 << 14
"""Elements of a parameter that are looked at, evenly spread, where it has more."""
QUARTILES = (0.25, 0.5, 0.75)


class OptimizerSignals(TrainerCallback):
    """Records at step 1, every so many steps and the last one how far the optimiser goes for a gradient of 1.

    A record is one journal line of kind "optimizer_signals". Its figures of a layer, over the trainable parameters that
    received a gradient:

        effective_step, _low, _high     what a steady gradient is multiplied by: median and quartiles over the elements
        root_second_moment              median of the root of the averaged squared gradient; Adam and RMSProp keep one
        update_norm                     L2 norm of what the step changed

    The effective step of plain SGD is its rate, with momentum b rate / (1 - b), where the steps that one gradient leads
    to add up; of RMSProp rate / (sqrt(v) + eps), and of Adam the same with v / (1 - b2^t) for v (Kingma and Ba 2015,
    algorithm 1). Elements whose v is 0 have met no gradient, as the embeddings of words that have not come yet: they
    are left out. Of an optimiser that is none of these only update_norm is told; of weights that are sharded over
    processes, what lies in the first.
    """

    def __init__(self, journal: Journal, *, every: int):
        self.journal = journal
        self.every = every
        self._before: dict[nn.Parameter, Tensor] = {}
        self._layers: dict[str, dict[str, float]] = {}

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        step = state.global_step + 1
        if state.is_world_process_zero and (step in (1, state.max_steps) or step % self.every == 0):
            parameters = (parameter for parameter in model.parameters() if parameter.grad is not None)
            self._before = {parameter: local(parameter).clone() for parameter in parameters}

    def on_optimizer_step(self, args, state, control, model=None, optimizer=None, **kwargs):
        if not self._before:
            return
        groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
        for layer, named in parameters_by_layer(model).items():
            parameters = [parameter for _, parameter in named if parameter in self._before]
            if parameters:
                figures = _quartiles([signals(groups[one], optimizer.state.get(one, {})) for one in parameters])
                changes = (local(parameter) - self._before[parameter] for parameter in parameters)
                self._layers[layer] = figures | {"update_norm": joint_norm(changes)}
        self._before = {}

    def on_step_end(self, args, state, control, **kwargs):
        """Write the record, now that step and epoch have moved on."""
        layers, self._layers = self._layers, {}
        if layers:
            self.journal.write("optimizer_signals", state.global_step, state.epoch, layers=layers)


def signals(group: Mapping[str, Any], moments: Mapping[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """The effective steps and the root second moments of a parameter's elements, each None where it has none.

    group: the optimiser's settings for the parameter; moments: its state after the step.
    """
    rate = float(group["lr"])
    if "exp_avg_sq" in moments and "betas" in group:
        corrected = 1 - float(group["betas"][1]) ** float(moments["step"])
        roots = (_sample(moments["exp_avg_sq"]) / corrected).sqrt()
    elif "square_avg" in moments and "alpha" in group:
        roots = _sample(moments["square_avg"]).sqrt()
        rate /= 1 - group["momentum"]
    elif "dampening" in group:
        momentum = group["momentum"]
        return torch.tensor([rate * (1 - group["dampening"]) / (1 - momentum) if momentum else rate]), None
    else:
        return None, None
    roots = roots[roots > 0]
    return rate / (roots + group["eps"]), roots


def _sample(tensor: Tensor) -> Tensor:
    flat = local(tensor).reshape(-1)
    return flat[:: -(-flat.numel() // SAMPLED)].float()


def _quartiles(found: list[tuple[Tensor | None, Tensor | None]]) -> dict[str, float]:
    steps = [steps for steps, _ in found if steps is not None and len(steps)]
    roots = [roots for _, roots in found if roots is not None and len(roots)]
    figures = {}
    if steps:
        low, middle, high = torch.cat(steps).quantile(torch.tensor(QUARTILES, device=steps[0].device)).tolist()
        figures = {"effective_step_low": low, "effective_step": middle, "effective_step_high": high}
    if roots:
        figures["root_second_moment"] = torch.cat(roots).median().item()
    return figures
