from types import SimpleNamespace

import torch
from torch import nn

from callbacks.dead_units import DeadUnits

ONE_PROCESS = SimpleNamespace(world_size=1)


class Network(nn.Module):
    def __init__(self, activation=nn.ReLU):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(6, 6), activation()) for _ in range(2))

    def forward(self, x):
        self.activations = []
        for layer in self.layers:
            x = layer(x)
            self.activations.append(x)
        return x


def count(units):
    return {layer: (number, int(dead)) for layer, (number, dead) in units.count(ONE_PROCESS).items()}


def dead_by_hand(batches):
    """Units of each layer that are zero at every position of every batch."""
    return [
        sum(all((batch[layer][..., unit] == 0).all() for batch in batches) for unit in range(6)) for layer in range(2)
    ]


def test_dead_units_equal_a_look_at_every_position():
    torch.manual_seed(0)
    model, units = Network(), DeadUnits()
    with torch.no_grad():
        model.layers[0][0].bias[:2] = -100
    units.watch(model)
    batches = []
    for _ in range(3):
        model(torch.randn(1, 2, 6))
        batches.append(model.activations)
    expected = dead_by_hand(batches)
    assert expected[0] == 2 and dead_by_hand(batches[:1])[0] > 2  # some were quiet in the first batch only
    assert count(units) == {"block.0": (6, expected[0]), "block.1": (6, expected[1])}


def test_counting_ends_the_watch():
    model, units = Network(), DeadUnits()
    units.watch(model)
    units.count(ONE_PROCESS)
    model(torch.randn(2, 6))
    assert count(units) == {}


def test_a_new_watch_begins_from_nothing():
    model, units = Network(), DeadUnits()
    units.watch(model)
    model(torch.full((1, 6), 1e3))
    units.watch(model)
    with torch.no_grad():
        for layer in model.layers:
            layer[0].bias.fill_(-1e9)
    model(torch.randn(2, 6))
    assert count(units) == {"block.0": (6, 6), "block.1": (6, 6)}


def test_gelu_is_no_rectifier():
    model, units = Network(nn.GELU), DeadUnits()
    units.watch(model)
    model(torch.randn(2, 6))
    assert count(units) == {}
