"""Gains against autograd: exact in a linear network, near in random ones, with residual connections and norms too."""

import numpy as np
import pytest
import torch
from torch import nn

from callbacks.layer_gains import LayerGains, squared_gains
from eval.chain_rule import gains_of, predicted
from models.deep_mlp import Block, DeepMLPForSequenceClassification
from models.reference_configs import DeepMLPConfig

DEPTH = 30


def network(seed=0, **shape):
    torch.manual_seed(seed)
    return DeepMLPForSequenceClassification(DeepMLPConfig(num_labels=2, **{"depth": DEPTH, "vocab_size": 200} | shape))


def batch(rows):
    draw = torch.Generator().manual_seed(1)
    return torch.randint(1, 200, (rows, 12), generator=draw), torch.randint(0, 2, (rows,), generator=draw)


def predicted_and_measured(model, rows=32):
    """By the chain rule, and by autograd: the norms of the gradients of each block's weights and biases."""
    layers = {}

    def look(block, inputs, output):
        with torch.no_grad():
            found = squared_gains(block, inputs[0])
        layers[f"block.{len(layers)}"] = {name: square.sqrt().item() for name, square in found.items()}

    for block in model.mlp.blocks:
        block.register_forward_hook(look)
    ids, labels = batch(rows)
    model(ids, labels=labels).loss.backward()
    gradients = [[p.grad.double().flatten() for p in block.linear.parameters()] for block in model.mlp.blocks]
    measured = np.array([torch.cat(pair).norm().item() for pair in gradients])
    return predicted(layers, measured[-1]), measured, layers


@pytest.mark.parametrize("scale", [0.25, 1.0, 1.5])
def test_exact_in_a_linear_network_of_orthogonal_weights(scale):
    model = network(width=16)
    for block in model.mlp.blocks:
        block.activation = nn.Identity()
        nn.init.orthogonal_(block.linear.weight, gain=scale)
    told, measured, layers = predicted_and_measured(model, rows=1)
    for figures in layers.values():
        assert figures["gain"] == pytest.approx(scale, rel=1e-5) and figures["slope"] == 1
    np.testing.assert_allclose(told, measured, rtol=1e-4)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ({"activation": "sigmoid", "init": "xavier"}, 3),
        ({"activation": "sigmoid", "init": "he"}, 3),
        ({"activation": "tanh", "init": "he"}, 3),
        ({"activation": "relu", "init": "he"}, 3),
        ({"activation": "relu", "init": "xavier"}, 3),
        ({"activation": "sigmoid", "init": "xavier", "residual": True}, 3),
        ({"activation": "relu", "init": "he", "norm": "pre"}, 2),
        ({"activation": "sigmoid", "init": "xavier", "norm": "post"}, 2),
        ({"activation": "tanh", "init": "xavier", "residual": True, "norm": "pre"}, 2),
        ({"activation": "relu", "init": "xavier", "residual": True, "norm": "post"}, 2),
    ],
    ids=lambda shape: "-".join(map(str, shape.values())) if isinstance(shape, dict) else None,
)
def test_near_in_random_networks_of_thirty_layers(shape, factor, seed):
    told, measured, _ = predicted_and_measured(network(seed, **shape))
    assert np.exp(np.abs(np.log(told / measured)).max()) < factor


def test_the_parts_of_a_plain_layers_gain_are_slope_and_weights():
    _, _, layers = predicted_and_measured(network(activation="sigmoid", init="xavier"))
    for figures in layers.values():
        assert figures["gain"] == pytest.approx(figures["slope"] * figures["weights"], rel=0.02)
        assert 0.2 < figures["slope"] <= 0.25 and figures["weights"] == pytest.approx(1, rel=0.1)


def test_the_spread_shrinks_by_the_gain():
    _, _, layers = predicted_and_measured(network(activation="sigmoid", init="xavier"))
    figures = list(layers.values())[1:6]
    for one, following in zip(figures, figures[1:], strict=False):
        assert following["spread"] / one["spread"] == pytest.approx(one["gain"], rel=0.3)


def test_recorded_at_the_first_step_every_so_many_and_the_last(make_trainer, journal, lines):
    model = network(depth=4, width=8, vocab_size=20)
    make_trainer(model, [LayerGains(journal, every=3)], gradient_accumulation_steps=2, num_train_epochs=2).train()
    records = lines("layer_gains")
    assert [record["step"] for record in records] == [1, 3, 6, 8]
    assert list(gains_of(records)[8]) == [f"block.{index}" for index in range(4)]
    for figures in records[0]["layers"].values():
        assert set(figures) == {"slope", "weights", "gain", "reach", "spread"}
        assert all(np.isfinite(value) for value in figures.values())
    assert not any(module._forward_hooks for module in model.modules() if isinstance(module, Block))


def test_recording_changes_nothing(make_trainer, journal):
    ends = []
    for callbacks in ([], [LayerGains(journal, every=1)]):
        model = network(depth=4, width=8, vocab_size=20)
        make_trainer(model, callbacks).train()
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*ends)
