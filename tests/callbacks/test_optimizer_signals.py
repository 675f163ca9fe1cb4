from types import SimpleNamespace

import pytest
import torch

from callbacks.optimizer_signals import OptimizerSignals
from models.layers import parameters_by_layer


@pytest.fixture
def record(toy, batch, trainer_args, journal, lines):
    """Steps by hand, the last one recorded: returns its journal line, and the weights before it by layer."""

    def run(optimizer, steps=3):
        callback = OptimizerSignals(journal, every=steps)
        state = SimpleNamespace(global_step=0, epoch=0.0, max_steps=100, is_world_process_zero=True)
        for _ in range(steps):
            optimizer.zero_grad()
            toy(**batch)["loss"].backward()
            before = flat(toy)
            callback.on_pre_optimizer_step(trainer_args, state, None, model=toy)
            optimizer.step()
            callback.on_optimizer_step(trainer_args, state, None, model=toy, optimizer=optimizer)
            state.global_step += 1
            callback.on_step_end(trainer_args, state, None, model=toy)
        return lines("optimizer_signals")[-1], before

    return run


def flat(model):
    layers = parameters_by_layer(model)
    return {layer: torch.cat([p.detach().reshape(-1) for _, p in pairs]) for layer, pairs in layers.items()}


def elements(model, values):
    """What `values` makes of every parameter, by layer, as one vector."""
    return {
        layer: torch.cat([values(p).reshape(-1).double() for _, p in pairs])
        for layer, pairs in parameters_by_layer(model).items()
    }


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, 0.1), ({"momentum": 0.9}, 1.0), ({"momentum": 0.9, "dampening": 0.9}, 0.1), ({"momentum": 0.99}, 10.0)],
)
def test_the_effective_step_of_gradient_descent_is_how_far_a_steady_gradient_goes(toy, record, settings, expected):
    line, _ = record(torch.optim.SGD(toy.parameters(), lr=0.1, **settings))
    for figures in line["layers"].values():
        assert figures["effective_step"] == pytest.approx(expected)
        assert "root_second_moment" not in figures


def test_a_steady_gradient_goes_that_far():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    moved = []
    for _ in range(200):
        weight.grad = torch.ones(1)
        before = weight.item()
        optimizer.step()
        moved.append(before - weight.item())
    assert moved[-1] == pytest.approx(1.0, rel=1e-3)


def test_adams_effective_step_times_its_corrected_mean_is_its_update(toy, record):
    optimizer = torch.optim.Adam(toy.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-6)
    line, before = record(optimizer)
    steps = elements(toy, lambda p: 1e-2 / ((optimizer.state[p]["exp_avg_sq"] / (1 - 0.99**3)).sqrt() + 1e-6))
    met = elements(toy, lambda p: optimizer.state[p]["exp_avg_sq"] > 0)
    means = elements(toy, lambda p: optimizer.state[p]["exp_avg"] / (1 - 0.9**3))
    after = flat(toy)
    for layer, figures in line["layers"].items():
        seen = steps[layer][met[layer].bool()]
        quartiles = seen.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.double)).tolist()
        found = [figures[name] for name in ("effective_step_low", "effective_step", "effective_step_high")]
        assert found == pytest.approx(quartiles, rel=1e-3)
        # What is recorded as the effective step is what Adam multiplies by.
        update = (after[layer] - before[layer]).double()
        assert update.numpy() == pytest.approx((-steps[layer] * means[layer]).numpy(), abs=1e-6)
        assert figures["update_norm"] == pytest.approx(update.norm().item(), rel=1e-4)


def test_rmsprop_divides_by_its_root_without_correction(toy, record):
    optimizer = torch.optim.RMSprop(toy.parameters(), lr=1e-3, alpha=0.9)
    line, _ = record(optimizer)
    roots = elements(toy, lambda p: optimizer.state[p]["square_avg"].sqrt())
    for layer, figures in line["layers"].items():
        met = roots[layer][roots[layer] > 0]
        assert figures["root_second_moment"] == pytest.approx(met.median().item(), rel=1e-5)
        assert figures["effective_step"] == pytest.approx((1e-3 / (met + 1e-8)).quantile(0.5).item(), rel=1e-4)


def test_words_that_have_not_come_do_not_count(toy, record):
    """Their second moment is 0, and 1 / eps would be the median of an embedding."""
    line, _ = record(torch.optim.Adam(toy.parameters(), lr=1e-2))
    assert line["layers"]["embeddings"]["effective_step_high"] < 1e-2 / 1e-8 / 10


def test_of_another_optimiser_only_the_update_is_told(toy, record):
    line, _ = record(torch.optim.Adagrad(toy.parameters(), lr=1e-2))
    assert all(list(figures) == ["update_norm"] for figures in line["layers"].values())


def test_it_is_recorded_at_the_first_step_every_so_many_and_the_last(toy, make_trainer, journal, lines):
    make_trainer(toy, [OptimizerSignals(journal, every=3)], optim="adamw_torch").train()
    assert [line["step"] for line in lines("optimizer_signals")] == [1, 3, 6, 8]


def test_training_is_the_same_with_and_without(toy, make_trainer, journal):
    weights = []
    for callbacks in ([], [OptimizerSignals(journal, every=2)]):
        torch.manual_seed(0)
        model = type(toy)()
        make_trainer(model, callbacks).train()
        weights.append(torch.cat([p.detach().reshape(-1) for p in model.parameters()]))
    assert torch.equal(*weights)
