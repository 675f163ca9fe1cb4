import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import TrainerCallback

from callbacks.grad_norms import GradNorms, epoch_table, refuse_hidden_gradients, summarise_norms
from cli.errors import UserError
from models.layers import parameters_by_layer

LAYERS = ["embeddings", "block.0", "block.1", "block.2", "head"]


@pytest.fixture
def measure(trainer_args, journal, lines):
    """One step by hand, recorded: returns the journal's record."""

    def run(model, loss, optimizer=None, **kwargs):
        state = SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=True)
        callback = GradNorms(journal, every=1, **kwargs)
        optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
        callback.on_step_begin(trainer_args, state, None, model=model)
        loss(model).backward()
        callback.on_gradients(trainer_args, state, None, model=model, optimizer=optimizer)
        optimizer.step()
        callback.on_optimizer_step(trainer_args, state, None, model=model, optimizer=optimizer)
        optimizer.zero_grad()
        state.global_step, state.epoch = 1, 0.5
        callback.on_step_end(trainer_args, state, None, model=model)
        return lines("grad_norms")[-1]

    return run


def by_hand(model, loss):
    """Every layer's gradient as one double-precision vector, from autograd.grad."""
    model = copy.deepcopy(model)
    layers = parameters_by_layer(model)
    flat = [p for pairs in layers.values() for _, p in pairs]
    gradients = dict(zip(flat, torch.autograd.grad(loss(model), flat), strict=True))
    return {layer: torch.cat([gradients[p].reshape(-1).double() for _, p in pairs]) for layer, pairs in layers.items()}


def vectors(model):
    return {
        layer: torch.cat([p.detach().reshape(-1).double() for _, p in pairs])
        for layer, pairs in parameters_by_layer(model).items()
    }


def test_gradient_figures_equal_those_of_autograd(toy, batch, measure):
    def loss(model):
        return model(**batch)["loss"]

    expected = by_hand(toy, loss)
    record = measure(toy, loss)
    assert list(record["layers"]) == LAYERS
    for layer, gradient in expected.items():
        figures = record["layers"][layer]
        assert figures["norm"] == pytest.approx(gradient.norm().item(), rel=1e-5)
        assert figures["mean_abs"] == pytest.approx(gradient.abs().mean().item(), rel=1e-5)
        assert figures["zero_fraction"] == pytest.approx((gradient == 0).double().mean().item(), abs=1e-9)
    assert record["total"] == pytest.approx(torch.cat(list(expected.values())).norm().item(), rel=1e-5)
    assert record["layers"]["embeddings"]["zero_fraction"] > 0.2  # five words never occur


def test_weight_and_update_norms_equal_the_weights_and_their_difference(toy, batch, measure):
    before = vectors(toy)
    record = measure(toy, lambda model: model(**batch)["loss"], torch.optim.AdamW(toy.parameters(), lr=1e-2))
    after = vectors(toy)
    for layer, figures in record["layers"].items():
        assert figures["weight_norm"] == pytest.approx(before[layer].norm().item(), rel=1e-6)
        assert figures["update_norm"] == pytest.approx((after[layer] - before[layer]).norm().item(), rel=1e-4)


def test_second_moment_is_that_of_the_optimiser(toy, batch, measure):
    optimizer = torch.optim.AdamW(toy.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-6)
    for _ in range(3):
        toy(**batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    record = measure(toy, lambda model: model(**batch)["loss"], optimizer)
    for layer, pairs in parameters_by_layer(toy).items():
        moments = torch.cat([optimizer.state[p]["exp_avg_sq"].reshape(-1) for _, p in pairs]).mean().item()
        figures = record["layers"][layer]
        assert figures["second_moment"] == pytest.approx(moments, rel=1e-5)
        assert figures["effective_step"] == pytest.approx(1e-2 / (math.sqrt(moments / (1 - 0.99**4)) + 1e-6), rel=1e-5)


def test_what_does_not_apply_is_absent(tiny_bert, measure):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_bert)  # GELU, and SGD has no second moment
    batch = {"input_ids": torch.tensor([[2, 5, 3]]), "labels": torch.tensor([1])}
    record = measure(model, lambda model: model(**batch).loss)
    assert list(record["layers"]) == ["embeddings", "block.0", "block.1", "head"]
    for figures in record["layers"].values():
        assert list(figures) == ["norm", "mean_abs", "zero_fraction", "weight_norm", "update_norm"]


def test_frozen_and_unused_parameters_do_not_count(toy, batch, measure):
    toy.embeddings.requires_grad_(False)
    toy.blocks[0].linear.weight.requires_grad_(False)
    toy.blocks[0].unused = nn.Parameter(torch.ones(1000))
    record = measure(toy, lambda model: model(**batch)["loss"])
    assert list(record["layers"]) == LAYERS[1:]
    assert record["layers"]["block.0"]["weight_norm"] == pytest.approx(toy.blocks[0].linear.bias.norm().item(), rel=0.1)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_norms_of_vanishing_and_exploding_gradients_stay_inside_float32(toy, batch, measure, scale):
    def loss(model):
        return model(**batch)["loss"]

    expected = {layer: (gradient * scale).norm().item() for layer, gradient in by_hand(toy, loss).items()}
    record = measure(toy, lambda model: loss(model) * scale)
    for layer, norm in expected.items():
        assert record["layers"][layer]["norm"] == pytest.approx(norm, rel=1e-4)


def test_a_gradient_of_nothing_but_zeros_has_norm_zero(toy, batch, measure):
    record = measure(toy, lambda model: model(**batch)["loss"] * 0)
    for figures in record["layers"].values():
        assert (figures["norm"], figures["mean_abs"], figures["zero_fraction"]) == (0, 0, 1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_gradient_is_recorded_as_such(toy, batch, measure, bad):
    toy.blocks[1].linear.weight.register_hook(lambda gradient: torch.full_like(gradient, bad))
    record = measure(toy, lambda model: model(**batch)["loss"])
    figures = record["layers"]["block.1"]
    for figure in (figures["norm"], figures["mean_abs"], record["total"]):
        assert figure == pytest.approx(bad, nan_ok=True)
    assert math.isnan(figures["zero_fraction"])
    assert math.isfinite(record["layers"]["block.0"]["norm"])


def test_bfloat16_gradients_are_summed_in_float32(toy, batch, measure):
    toy = toy.bfloat16()

    def loss(model):
        return model(**batch)["loss"]

    expected = by_hand(toy, loss)
    for layer, figures in measure(toy, loss)["layers"].items():
        assert figures["norm"] == pytest.approx(expected[layer].norm().item(), rel=1e-6)
        assert figures["mean_abs"] == pytest.approx(expected[layer].abs().mean().item(), rel=1e-6)


def test_the_dead_fraction_is_that_of_the_rectifiers(toy, batch, measure):
    with torch.no_grad():
        toy.blocks[1].linear.bias.fill_(-1e6)
        toy.blocks[2].linear.bias.fill_(1e6)
    layers = measure(toy, lambda model: model(**batch)["loss"])["layers"]
    fractions = {layer: figures["dead_fraction"] for layer, figures in layers.items() if "dead_fraction" in figures}
    assert fractions == {"block.0": 0.0, "block.1": 1.0, "block.2": 0.0}


def test_parameters_are_recorded_on_request(toy, batch, measure):
    record = measure(toy, lambda model: model(**batch)["loss"], per_parameter=True)
    assert list(record["parameters"])[:3] == ["embeddings.weight", "blocks.0.linear.weight", "blocks.0.linear.bias"]
    squares = sum(record["parameters"][f"blocks.0.linear.{kind}"]["norm"] ** 2 for kind in ("weight", "bias"))
    assert math.sqrt(squares) == pytest.approx(record["layers"]["block.0"]["norm"])


def test_the_scale_of_a_grad_scaler_is_taken_out(toy, batch, trainer_args, journal, lines):
    state = SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=True)
    optimizer = torch.optim.SGD(toy.parameters(), lr=0.1)
    for scale in (1.0, 1024.0):
        callback = GradNorms(journal, every=1)
        toy.zero_grad()
        (toy(**batch)["loss"] * scale).backward()
        callback.on_gradients(trainer_args, state, None, model=toy, optimizer=optimizer, grad_scale=scale)
        callback.on_optimizer_step(trainer_args, state, None, model=toy, optimizer=optimizer)
        callback.on_step_end(trainer_args, state, None, model=toy)
    plain, scaled = lines("grad_norms")
    assert scaled["total"] == pytest.approx(plain["total"], rel=1e-5)
    assert scaled["layers"]["head"]["mean_abs"] == pytest.approx(plain["layers"]["head"]["mean_abs"], rel=1e-5)


def test_totals_join_with_the_trainers_own_norm_before_clipping(toy, journal, lines, make_trainer):
    sink = []
    trainer = make_trainer(toy, [GradNorms(journal, every=1, sinks=[sink.append])], max_grad_norm=0.05)
    trainer.train()
    logged = {row["step"]: row for row in trainer.state.log_history if "grad_norm" in row}
    records = lines("grad_norms")
    assert [record["step"] for record in records] == list(logged) == list(range(1, 9))
    for record in records:
        row = logged[record["step"]]
        assert record["total"] == pytest.approx(row["grad_norm"], rel=1e-5)
        assert record["epoch"] == row["epoch"]
        assert record["clipped"] == (row["grad_norm"] > 0.05)
        joint = math.sqrt(sum(figures["norm"] ** 2 for figures in record["layers"].values()))
        assert record["total"] == pytest.approx(joint)
    assert any(record["clipped"] for record in records)
    assert [record["total"] for record in sink] == [record["total"] for record in records]


def test_without_clipping_nothing_is_called_clipped(toy, journal, lines, make_trainer):
    make_trainer(toy, [GradNorms(journal, every=1)], max_grad_norm=0).train()
    assert len(lines("grad_norms")) == 8
    assert not any(record["clipped"] for record in lines("grad_norms"))


def test_accumulated_gradients_are_those_of_the_full_batch(toy, tmp_path, make_trainer):
    from eval.run_directory import Journal, read_journal

    records = []
    for size, accumulation in ((8, 1), (2, 4)):
        journal = Journal(tmp_path / f"{size}.jsonl")
        make_trainer(
            copy.deepcopy(toy),
            [GradNorms(journal, every=1)],
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulation,
        ).train()
        records.append([line for line in read_journal(journal.path) if line["kind"] == "grad_norms"])
    assert len(records[0]) == len(records[1]) == 4
    for whole, accumulated in zip(*records, strict=True):
        for layer, figures in whole["layers"].items():
            assert accumulated["layers"][layer] == pytest.approx(figures, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize(
    ("every", "expected"),
    [(3, [1, 3, 6, 8]), (lambda step: step in (2, 5), [2, 5]), (100, [1, 8])],
)
def test_the_cadence_decides_and_between_records_nothing_is_kept(toy, journal, lines, make_trainer, every, expected):
    class Watch(TrainerCallback):
        hooked = []

        def on_step_begin(self, args, state, control, model=None, **kwargs):
            if any(module._forward_hooks for module in model.modules()):
                self.hooked.append(state.global_step + 1)

        def on_step_end(self, args, state, control, model=None, **kwargs):
            assert not any(module._forward_hooks for module in model.modules())

    watch = Watch()
    make_trainer(toy, [GradNorms(journal, every=every), watch]).train()
    assert [record["step"] for record in lines("grad_norms")] == expected
    assert watch.hooked == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"num_train_epochs": 3}, {1.0: 8, 2.0: 16, 3.0: 24}),
        ({"num_train_epochs": 2, "gradient_accumulation_steps": 3}, {1.0: 3, 2.0: 6}),  # 8 batches: 3, 3 and 2
        ({"max_steps": 12}, {1.0: 8, 1.5: 12}),
    ],
)
def test_every_epoch_has_a_record_at_any_cadence(toy, journal, lines, events, make_trainer, settings, expected):
    make_trainer(toy, [GradNorms(journal, every=100)], **settings).train()
    assert {event["epoch"]: event["step"] for event in events("epoch_grad_norms")} == expected
    assert [record["step"] for record in lines("grad_norms")] == [1, *expected.values()]


def test_no_records_make_no_table():
    assert epoch_table([{"kind": "train", "epoch": 1.0}]) == ""


def test_only_the_first_process_writes(toy, batch, trainer_args, journal):
    state = SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=False)
    callback = GradNorms(journal, every=1, sinks=[lambda record: pytest.fail("called")])
    optimizer = torch.optim.SGD(toy.parameters(), lr=0.1)
    toy(**batch)["loss"].backward()
    callback.on_gradients(trainer_args, state, None, model=toy, optimizer=optimizer)
    callback.on_optimizer_step(trainer_args, state, None, model=toy, optimizer=optimizer)
    callback.on_step_end(trainer_args, state, None, model=toy)
    callback.on_epoch_end(trainer_args, state, None)
    assert not journal.path.exists()


def test_an_epoch_ends_with_median_and_maximum(toy, journal, lines, events, make_trainer):
    make_trainer(toy, [GradNorms(journal, every=1)], num_train_epochs=2).train()
    first, second = events("epoch_grad_norms")
    assert (first["step"], first["epoch"], second["step"], second["epoch"]) == (8, 1.0, 16, 2.0)
    for event, records in ((first, lines("grad_norms")[:8]), (second, lines("grad_norms")[8:])):
        assert event["records"] == 8
        for layer in LAYERS:
            norms = sorted(record["layers"][layer]["norm"] for record in records)
            assert event["layers"][layer] == {"median": (norms[3] + norms[4]) / 2, "max": norms[-1]}
    rows = epoch_table(lines()).splitlines()
    assert [row.split()[0] for row in rows[2:]] == LAYERS
    assert rows[0].split("  ")[0] == "gradient norm: median (max)"
    assert rows[0].split()[4:] == ["epoch", "1", "epoch", "2"]
    assert f"{second['layers']['head']['median']:.3g} ({second['layers']['head']['max']:.3g})" in rows[-1]


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", [8, 12])
def test_a_resumed_run_makes_the_same_epoch_events(toy, journal, events, make_trainer, tmp_path, checkpoint):
    from callbacks.journal import JournalCallback

    def trainer():
        callbacks = [JournalCallback(journal), GradNorms(journal, every=1)]
        model = copy.deepcopy(toy)
        return make_trainer(model, callbacks, num_train_epochs=2, save_strategy="steps", save_steps=4)

    trainer().train()
    expected = events("epoch_grad_norms")
    journal.drop_after(checkpoint)
    if checkpoint == 8:  # killed between the checkpoint and the end of the epoch
        kept = [line for line in journal.path.read_text().splitlines() if "epoch_grad_norms" not in line]
        journal.path.write_text("\n".join(kept) + "\n")
    trainer().train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{checkpoint}"))
    resumed = events("epoch_grad_norms")
    assert [(event["step"], event["records"]) for event in resumed] == [(8, 8), (16, 8)]
    for one, other in zip(expected, resumed, strict=True):
        assert one["layers"] == other["layers"]


def test_norms_are_summarised_by_layer():
    records = [{"layers": {"head": {"norm": norm}}} for norm in (3.0, math.inf, 1.0, math.nan, 2.0)]
    assert summarise_norms(records) == {"head": {"median": 2.0, "max": 3.0}}
    assert math.isnan(summarise_norms(records[1:2])["head"]["max"])


def test_hidden_gradients_are_refused(toy, trainer_args):
    refuse_hidden_gradients(trainer_args, toy)
    trainer_args.deepspeed_plugin = object()
    with pytest.raises(UserError, match="DeepSpeed hides.*--grad_norm_steps 0"):
        refuse_hidden_gradients(trainer_args, toy)
