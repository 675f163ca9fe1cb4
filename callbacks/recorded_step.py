"""The figures of one optimiser step, layer by layer: sums are taken on the device and fetched once at the end."""

import math
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from callbacks.tensor_sums import PIECE, TensorSums, local, pieces
from models.layers import parameters_by_layer

FLOAT32 = torch.finfo(torch.float32)

Named = tuple[str, nn.Parameter]


class RecordedStep:
    """Looks at a model's trainable parameters that received a gradient, before an optimiser step and after it.

    `weights` holds copies of the weights by name; it is filled, or written over where it is full already.
    """

    def __init__(self, model: nn.Module, weights: dict[str, Tensor], grad_scale: float = 1.0):
        """Take the sums over the gradients, which stand multiplied by `grad_scale`, and copy the weights."""
        self.layers: dict[str, list[Named]] = {}
        self._weights = weights
        self._grad_scale = grad_scale
        self._sums = TensorSums()
        self._fetched: dict = {}
        self._adam: dict[str, dict] = {}
        self._units: dict[str, int] = {}
        for layer, parameters in parameters_by_layer(model).items():
            pairs = [(name, parameter) for name, parameter in parameters if parameter.grad is not None]
            if pairs:
                self.layers[layer] = pairs
            for name, parameter in pairs:
                _add_gradient(self._sums, name, parameter.grad, is_embedding=layer == "embeddings")
                _copy(weights, name, local(parameter))

    @property
    def named_parameters(self) -> Iterable[Named]:
        return chain(*self.layers.values())

    def add_dead_units(self, counts: Mapping[str, tuple[int, Tensor]]) -> None:
        """Take up what DeadUnits counted."""
        for layer, (units, dead) in counts.items():
            self._units[layer] = units
            self._sums.add((layer, "dead"), dead)

    def add_update(self, optimizer: torch.optim.Optimizer) -> None:
        """Take the sums over what the optimiser changed, and over Adam's second moments where it keeps any."""
        groups = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
        for name, parameter in self.named_parameters:
            _add_update(self._sums, name, parameter, self._weights[name])
            moments = optimizer.state.get(parameter, {})
            if "exp_avg_sq" in moments and "betas" in groups[parameter]:
                self._adam[name] = {key: groups[parameter][key] for key in ("lr", "betas", "eps")}
                _add_second_moment(self._sums, name, moments)

    def fetch(self) -> None:
        """Transfer the sums; the figures are there after this."""
        self._fetched = self._sums.fetch()

    def total(self) -> float:
        """The L2 norm of all gradients as one vector."""
        return math.sqrt(self._sum("gradient_norm", self.named_parameters)) / self._grad_scale

    def layer_figures(self) -> dict[str, dict[str, float]]:
        """The figures of every layer, from input to output; GradNorms says what they are."""
        layers = {layer: self._figures(pairs) for layer, pairs in self.layers.items()}
        for layer, units in self._units.items():
            if layer in layers:
                layers[layer]["dead_fraction"] = self._fetched[layer, "dead"] / units
        return layers

    def parameter_figures(self) -> dict[str, dict[str, float]]:
        """The same of every parameter by itself."""
        return {name: self._figures([(name, parameter)]) for name, parameter in self.named_parameters}

    def _sum(self, key: str, parameters: Iterable[Named]) -> float:
        return sum(self._fetched[name, key] for name, _ in parameters)

    def _figures(self, parameters: list[Named]) -> dict[str, float]:
        count = sum(parameter.numel() for _, parameter in parameters)
        mean_abs = self._sum("gradient_absolute", parameters) / count
        # A NaN has no sign and would pass for a zero.
        zeros = count - self._sum("gradient_nonzero", parameters) if math.isfinite(mean_abs) else math.nan
        figures = {
            "norm": math.sqrt(self._sum("gradient_norm", parameters)) / self._grad_scale,
            "mean_abs": mean_abs / self._grad_scale,
            "zero_fraction": zeros / count,
            "weight_norm": math.sqrt(self._sum("weight_squares", parameters)),
            "update_norm": math.sqrt(self._sum("update_squares", parameters)),
        }
        first = parameters[0][0]
        if all(name in self._adam for name, _ in parameters):
            figures["second_moment"] = self._sum("second_moment", parameters) / count
            figures["effective_step"] = effective_step(
                figures["second_moment"], self._fetched[first, "adam_steps"], **self._adam[first]
            )
        return figures


def effective_step(second_moment: float, steps: float, lr: float, betas: tuple[float, float], eps: float) -> float:
    """What Adam multiplies the averaged gradient by: lr / (sqrt(v / (1 - beta2^t)) + eps).

    Kingma & Ba 2015, algorithm 1, with the mean of v over a layer in place of each v.
    """
    return float(lr) / (math.sqrt(second_moment / (1 - float(betas[1]) ** steps)) + eps)


def _add_gradient(sums: TensorSums, name: str, gradient: Tensor, *, is_embedding: bool) -> None:
    for piece in pieces(_touched_rows(gradient) if is_embedding else gradient):
        signs = piece.sign()
        absolute = torch.dot(signs, piece)
        sums.add((name, "gradient_absolute"), absolute, of=gradient)
        sums.add((name, "gradient_norm"), _norm(piece, absolute), squared=True, of=gradient)
        sums.add((name, "gradient_nonzero"), torch.dot(signs, signs), of=gradient)


def _norm(piece: Tensor, absolute: Tensor) -> Tensor:
    """The L2 norm of a piece with a known sum of absolute values, right also where its squares leave float32."""
    if piece.is_cpu:  # where looking at a number costs nothing
        squares = torch.dot(piece, piece).item()
        if 1e-20 < squares < FLOAT32.max:
            return torch.tensor(math.sqrt(squares))
    per_mean = (max(piece.numel(), 1) / absolute).clamp(FLOAT32.tiny, FLOAT32.max)
    unit = piece * per_mean  # in units of its mean, whose squares stay inside
    return torch.dot(unit, unit).sqrt() / per_mean


def _touched_rows(gradient: Tensor) -> Tensor:
    """The rows of an embedding's gradient that are not all zero, which are those of the batch's words.

    On a CPU half of the time would go into adding up zeros; on a GPU choosing rows would make it wait.
    """
    gradient = local(gradient)
    if not gradient.is_cpu or gradient.dim() != 2:
        return gradient
    parts = gradient.split(max(PIECE // gradient.shape[1], 1))
    return torch.cat([rows[(rows.amax(1) != 0) | (rows.amin(1) != 0)] for rows in parts])


def _copy(weights: dict[str, Tensor], name: str, weight: Tensor) -> None:
    if name in weights:
        weights[name].copy_(weight)
    else:
        weights[name] = weight.clone()


def _add_update(sums: TensorSums, name: str, parameter: nn.Parameter, before: Tensor) -> None:
    for old, new in zip(pieces(before), pieces(parameter), strict=True):
        change = new - old
        sums.add((name, "weight_squares"), torch.dot(old, old), of=parameter)
        sums.add((name, "update_squares"), torch.dot(change, change), of=parameter)


def _add_second_moment(sums: TensorSums, name: str, moments: Mapping[str, Any]) -> None:
    for piece in pieces(moments["exp_avg_sq"]):
        sums.add((name, "second_moment"), piece.sum(), of=moments["exp_avg_sq"])
    sums.add((name, "adam_steps"), torch.as_tensor(moments["step"]))
