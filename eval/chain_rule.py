"""The gradient of each layer as the chain rule predicts it from what the layers above multiply it by."""

from collections.abc import Mapping, Sequence

import numpy as np


def predicted(layers: Mapping[str, Mapping[str, float]], at_output: float) -> np.ndarray:
    """(layers,): the norm of the gradient of each hidden layer's weights and biases, from input to output.

    `layers` is that of a journal's line "layer_gains" (callbacks/layer_gains.py), `at_output` the norm that was
    measured at the last layer, where the prediction begins: g_l = at_output (reach_l / reach_L) prod_{k > l} gain_k. So
    it says how the gradient goes from layer to layer, not how large it is. Assumed: a gradient that arrives is
    independent of the weights and slopes that it passes, as with random weights; and the rows of a batch cancel to the
    same share in every layer.
    """
    gains, reach = (np.array([figures[name] for figures in layers.values()]) for name in ("gain", "reach"))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(reach) + np.append(np.cumsum(np.log(gains)[::-1])[::-1][1:], 0.0)
        return at_output * np.exp(logs - logs[-1])


def gains_of(records: Sequence[Mapping]) -> dict[int, Mapping[str, Mapping[str, float]]]:
    """{step: layers} of a journal's lines "layer_gains", in their order."""
    return {record["step"]: record["layers"] for record in records if record["kind"] == "layer_gains"}
