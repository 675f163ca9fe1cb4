import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import TrainerCallback

from callbacks.non_finite import NonFinite, NonFiniteGuard, largest


class At(TrainerCallback):
    """Does something to the network at the beginning of one step, and keeps what the weights are at each."""

    def __init__(self, step, act):
        self.step, self.act = step, act
        self.weights = None

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step + 1 == self.step:
            self.act(model)
        self.weights = copy.deepcopy(model.state_dict())


class Spoil(nn.Module):
    """Passes its input on until armed; then its output, or the gradient that comes back, is spoiled."""

    def __init__(self, value, direction):
        super().__init__()
        self.value, self.direction, self.armed = value, direction, False

    def forward(self, x):
        if self.armed and self.direction == "output":
            return x * self.value
        if self.armed and x.requires_grad:
            x = x * 1
            x.register_hook(lambda gradient: gradient * self.value)
        return x


@pytest.fixture
def stop(toy, journal, make_trainer):
    """Trains until the guard stops it, sees that the weights missed the bad step, and returns the message."""

    def run(step, act, **overrides):
        at = At(step, act)
        trainer = make_trainer(toy, [at, NonFiniteGuard(journal)], save_strategy="steps", save_steps=2, **overrides)
        with pytest.raises(NonFinite) as error:
            trainer.train()
        for name, weight in toy.state_dict().items():
            assert torch.equal(weight.nan_to_num(7), at.weights[name].nan_to_num(7))
        return str(error.value)

    return run


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("parameter", "layer"),
    [("embeddings.weight", "embeddings"), ("blocks.1.linear.weight", "block.1"), ("classifier.bias", "head")],
)
def test_a_bad_weight_is_found(stop, events, bad, parameter, layer):
    message = stop(5, lambda model: model.get_parameter(parameter).data.fill_(bad))
    value = "NaN" if math.isnan(bad) else "infinite"
    assert message.startswith(f"step 5: the weights of {layer} ({parameter}) became {value} first (loss ")
    assert "the last good checkpoint is step 4" in message
    assert message.endswith("Lower --learning_rate or lengthen --warmup_steps, in another --output_dir")
    assert "\n" not in message
    (event,) = events("non_finite")
    assert (event["step"], event["quantity"], event["layer"], event["last_checkpoint"]) == (5, "weights", layer, 4)


@pytest.mark.parametrize("block", [0, 2])
def test_an_output_that_turns_bad_is_found_on_the_way_forward(toy, stop, block):
    toy.blocks[block].relu = Spoil(math.nan, "output")
    message = stop(3, lambda model: setattr(model.blocks[block].relu, "armed", True))
    assert message.startswith(f"step 3: the output of block.{block} (blocks.{block}.relu) became NaN first")


@pytest.mark.parametrize("block", [0, 2])
def test_a_gradient_that_turns_bad_is_found_on_the_way_back(toy, stop, events, block):
    toy.blocks[block].relu = Spoil(math.nan, "gradient")
    message = stop(3, lambda model: setattr(model.blocks[block].relu, "armed", True))
    assert message.startswith(f"step 3: the gradient of block.{block} (blocks.{block}.linear.")
    (event,) = events("non_finite")
    assert event["quantity"] == "gradient" and math.isnan(event["value"])


def test_a_bad_gradient_of_one_parameter_is_found(toy, stop):
    toy.blocks[1].linear.weight.register_hook(lambda gradient: gradient / 0)
    message = stop(1, lambda model: None)
    assert message.startswith("step 1: the gradient of block.1 (blocks.1.linear.weight) became")
    assert "no checkpoint was saved yet" in message


def test_a_loss_that_turns_bad_by_itself_is_called_the_loss(toy, stop):
    forward = toy.forward

    def spoiled(input_ids, labels=None):
        outputs = forward(input_ids, labels)
        return {**outputs, "loss": outputs["loss"] * toy.factor}

    toy.forward, toy.factor = spoiled, 1.0
    message = stop(2, lambda model: setattr(model, "factor", math.inf))
    assert message.startswith("step 2: the training loss became infinite first")


def test_one_bad_micro_batch_of_several_is_found(toy, stop):
    def poisoned(module, inputs, output):
        return output * math.nan if (inputs[0] == 14).any() and toy.armed else output

    toy.armed = False
    toy.embeddings.register_forward_hook(poisoned)
    message = stop(
        2,
        lambda model: setattr(model, "armed", True),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=8,
    )
    assert message.startswith("step 2: the output of embeddings (embeddings) became NaN first")


def test_nothing_is_saved_after_the_last_good_checkpoint(stop, tmp_path):
    stop(6, lambda model: model.classifier.bias.data.fill_(math.nan), save_total_limit=1)
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-4"]


def test_a_finite_gradient_that_makes_an_infinite_weight_is_not_saved(toy, journal, make_trainer, tmp_path):
    toy.classifier.bias.data.fill_(1e38)
    trainer = make_trainer(
        toy,
        [NonFiniteGuard(journal)],
        save_strategy="steps",
        save_steps=1,
        optim="sgd",
        learning_rate=1e30,
        max_grad_norm=1e9,
    )
    with pytest.raises(NonFinite, match="step 1: the weights of "):
        trainer.train()
    assert not list((tmp_path / "run").glob("checkpoint-*"))


def test_a_healthy_run_is_left_alone(toy, journal, make_trainer):
    make_trainer(toy, [NonFiniteGuard(journal)]).train()
    assert not journal.path.exists()
    assert not toy._forward_pre_hooks


@pytest.fixture
def guard(toy, journal, trainer_args):
    """A guard at step 7, called by hand."""
    callback = NonFiniteGuard(journal)
    state = SimpleNamespace(global_step=6, epoch=0.5, is_world_process_zero=True)
    callback.on_train_begin(trainer_args, state, None, model=toy)

    def call(event, **kwargs):
        getattr(callback, event)(trainer_args, state, None, model=toy, **kwargs)

    return call


def test_under_a_grad_scaler_an_overflow_is_normal_until_its_scale_is_down_to_one(toy, batch, guard):
    toy(**batch)["loss"].backward()
    toy.classifier.weight.grad.fill_(math.inf)
    guard("on_gradients", grad_scale=65536.0)
    guard("on_gradients", grad_scale=2.0)
    with pytest.raises(NonFinite, match=r"step 7: the gradient of head \(classifier.weight\) became infinite"):
        guard("on_gradients", grad_scale=1.0)


def test_a_norm_that_the_caller_knows_is_not_computed_again(toy, batch, guard):
    toy(**batch)["loss"].backward()
    toy.classifier.weight.grad.fill_(math.nan)
    guard("on_gradients", total_norm=torch.tensor(1.0))
    with pytest.raises(NonFinite):
        guard("on_gradients", total_norm=torch.tensor(math.nan))


def test_gradients_whose_squares_overflow_are_too_large(toy, batch, guard):
    toy(**batch)["loss"].backward()
    toy.blocks[2].linear.weight.grad[0, 0] = 1e30
    with pytest.raises(NonFinite, match=r"the gradient of block.2 \(blocks.2.linear.weight\) became too large"):
        guard("on_gradients")


def test_a_shard_without_elements_has_no_largest():
    tensors = [("block.0", "weight", torch.tensor([1.0, -3.0])), ("head", "weight", torch.empty(0, 7))]
    origin = largest("gradient", tensors)
    assert (origin.layer, origin.value) == ("block.0", 3.0)


def test_a_logged_loss_that_is_not_finite_stops_although_gradients_were(guard, events):
    guard("on_log", logs={"loss": 0.25})
    guard("on_log", logs={"eval_loss": math.nan})
    with pytest.raises(NonFinite, match=r"step 6: the training loss became NaN first \(loss 0.25 before\)"):
        guard("on_log", logs={"loss": math.nan})
    assert events("non_finite")[0]["quantity"] == "loss"
