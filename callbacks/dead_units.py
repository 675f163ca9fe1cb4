"""Which units of a network's rectifiers are dead on a batch."""

import torch
from torch import Tensor, nn
from transformers.activations import ReLUSquaredActivation

from models.layers import layer_of

# Activations that are exactly zero on half of their inputs; GELU, SiLU and leaky ones never die in this sense.
RECTIFIERS = (nn.ReLU, nn.ReLU6, ReLUSquaredActivation)


class DeadUnits:
    """Watches rectifiers through forward hooks; a unit is dead when it is zero at every position of every batch seen.

    A unit is an entry of the last dimension. Rectifiers called as functions (torch.relu) cannot be watched.
    """

    def __init__(self):
        self._alive: dict[str, Tensor] = {}
        self._handles = []

    def watch(self, model: nn.Module) -> None:
        """Begin to watch, from nothing."""
        self.forget()
        for name, module in model.named_modules():
            if isinstance(module, RECTIFIERS):
                self._handles.append(module.register_forward_hook(self._hook(name)))

    def count(self, args) -> dict[str, tuple[int, Tensor]]:
        """Stop, and return for every layer its number of units and, as a scalar tensor, how many are dead.

        With several processes a unit is dead when it is so in all of them, and all must call.
        """
        alive = {name: units.to(torch.uint8) for name, units in self._alive.items()}
        self.forget()
        layers: dict[str, tuple[int, Tensor]] = {}
        for name, units in alive.items():
            if args.world_size > 1:
                torch.distributed.all_reduce(units, op=torch.distributed.ReduceOp.MAX)
            number, dead = layers.get(layer_of(name), (0, 0))
            layers[layer_of(name)] = (number + units.numel(), dead + (units == 0).sum())
        return layers

    def forget(self) -> None:
        """Remove the hooks and what they saw."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._alive = {}

    def _hook(self, name: str):
        def look(module: nn.Module, inputs, output: Tensor) -> None:
            alive = (output.detach() > 0).flatten(0, -2).any(0)
            self._alive[name] = self._alive[name] | alive if name in self._alive else alive

        return look
