import numpy as np
import pytest
import torch
from scipy.special import erf
from transformers import AutoModelForSequenceClassification

from callbacks.dead_units import DeadUnits
from models.deep_mlp import DeepMLPForSequenceClassification
from models.layers import parameters_by_layer
from models.reference_configs import DeepMLPConfig

POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(201)
FUNCTIONS = {
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
# What the three initialisations give, in units of 1 / width, at the width of the test.
WIDTH = 512
VARIANCES = {"he": 2.0, "xavier": 1.0, "small_normal": WIDTH * 0.02**2}


def network(*, seed=0, **settings):
    torch.manual_seed(seed)
    return DeepMLPForSequenceClassification(DeepMLPConfig(**{"vocab_size": 200} | settings)).eval()


def mean_squares(model, tokens=1):
    """The mean square of what goes into the first block and of what comes out of each."""
    ids, found = torch.arange(200 // tokens * tokens).view(-1, tokens), []

    def look(module, inputs, output):
        found.append(output.pow(2).mean().item())

    for block in model.mlp.blocks:
        block.register_forward_hook(look)
    model.mlp.blocks[0].register_forward_pre_hook(lambda module, inputs: found.append(inputs[0].pow(2).mean().item()))
    with torch.no_grad():
        model(input_ids=ids)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_he_keeps_the_variance_of_rectifiers_through_30_layers(activation):
    draws = [
        mean_squares(network(seed=seed, depth=30, width=WIDTH, activation=activation, init="he")) for seed in range(10)
    ]
    found = np.mean(draws, axis=0)
    assert len(found) == 31 and found[0] == pytest.approx(1, rel=0.05)
    # The expectation is kept exactly; at this width one draw's 30 layers multiply it by exp(0 ± 0.5) or so.
    assert found[1:].min() > 0.5 and found[1:].max() < 2


def test_other_initialisations_let_rectifiers_fade():
    halved = mean_squares(network(depth=30, width=WIDTH, activation="relu", init="xavier"))
    assert halved[30] == pytest.approx(2.0**-30, rel=2)
    assert mean_squares(network(depth=30, width=WIDTH, activation="relu", init="small_normal"))[30] < 1e-20


@pytest.mark.parametrize("init", VARIANCES)
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_activations_go_the_way_that_mean_field_theory_says(activation, init):
    """Poole et al. 2016, equation 3: the next mean square is E[f(sqrt(variance * mean square) z)^2]."""
    found = mean_squares(network(depth=8, width=WIDTH, activation=activation, init=init))
    expected = found[0]
    for value in found[1:]:
        inputs = np.sqrt(VARIANCES[init] * expected) * POINTS
        expected = WEIGHTS @ FUNCTIONS[activation](inputs) ** 2 / WEIGHTS.sum()
        assert value == pytest.approx(expected, rel=0.6)


@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        ({"activation": "relu", "init": "he"}, 0.02, 50),
        ({"activation": "sigmoid", "init": "xavier"}, 0, 1e-12),
        ({"activation": "sigmoid", "init": "xavier", "residual": True, "norm": "pre"}, 0.02, 50),
    ],
)
def test_gradients_vanish_or_are_kept_as_the_switches_say(settings, low, high):
    """The vanishing-gradient case: first block against last, 30 layers deep."""
    model = network(depth=30, width=64, **settings)
    ids = torch.arange(200).view(20, 10)
    model(input_ids=ids, labels=torch.arange(20) % 2).loss.backward()
    layers = parameters_by_layer(model)
    assert list(layers) == ["embeddings", *(f"block.{i}" for i in range(30)), "head"]
    first, last = (
        sum(parameter.grad.pow(2).sum() for name, parameter in layers[layer] if name.endswith("linear.weight")) ** 0.5
        for layer in ("block.0", "block.29")
    )
    assert low <= (first / last).item() <= high


def test_logits_depend_neither_on_padding_nor_on_order():
    model = network(depth=3, norm="post").double()
    ids = torch.tensor([[5, 9, 30, 0, 0], [7, 2, 100, 8, 3]])
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    logits = model(input_ids=ids, attention_mask=mask).logits
    alone = model(input_ids=torch.tensor([[30, 5, 9]])).logits[0]
    torch.testing.assert_close(logits[0], alone, rtol=0, atol=1e-12)
    other = model(input_ids=ids.masked_fill(mask == 0, 11).flip(1), attention_mask=mask.flip(1)).logits
    torch.testing.assert_close(other, logits, rtol=0, atol=1e-12)


def test_saved_and_loaded_it_is_the_same_network(tmp_path):
    model = network(depth=4, norm="pre", residual=True, activation="tanh")
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = torch.arange(20).view(4, 5)
    assert torch.equal(again(input_ids=ids).logits, model(input_ids=ids).logits)


def test_dead_rectifiers_are_counted():
    model = network(depth=3, width=32)
    with torch.no_grad():
        model.mlp.blocks[2].linear.bias[:12] = -1e6
    watcher = DeadUnits()
    watcher.watch(model)
    model(input_ids=torch.arange(200).view(40, 5))
    counts = watcher.count(type("Arguments", (), {"world_size": 1}))
    assert list(counts) == ["block.0", "block.1", "block.2"]
    units, dead = counts["block.2"]
    assert units == 32 and dead.item() >= 12
