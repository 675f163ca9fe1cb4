"""Every recipe of the scorecard can be trained, its traces keep what they hold, and it counts as it says."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmarks.diagnosis import rivals
from benchmarks.diagnosis.faults import (
    FAULTS,
    LABELS,
    all_faulty,
    biases_far_below,
    faulty,
    sorted_by_label,
    turn_labels,
    weights_a_tenth,
    weights_three_times,
)
from benchmarks.diagnosis.healthy import CONTROLS, KINDS, all_controls, small_inputs, why_not_healthy
from benchmarks.diagnosis.recipes import SEEDS, healthy
from benchmarks.diagnosis.scoring import (
    CLASSES,
    Case,
    accepted_of,
    count,
    f1_of_counts,
    is_subclinical,
    macro_f1,
    paired,
    resampled_f1,
    until,
)
from benchmarks.diagnosis.traces import Trace, compact, read_traces, write_traces
from benchmarks.diagnosis_scorecard import cases_of, judge
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, Gradients, History
from train.config import resolve


def curve(*values: float, every: int = 10) -> Curve:
    return Curve(np.arange(1, len(values) + 1) * float(every), np.array(values, dtype=float))


def history(train=(), validation=(), accuracy=(), norm=None, mean_abs=None, **settings) -> History:
    gradients = None
    if norm is not None:
        norm = np.array(norm, dtype=float)
        figures = {"norm": norm} | ({} if mean_abs is None else {"mean_abs": np.array(mean_abs, dtype=float)})
        layers = [f"block.{layer}" for layer in range(norm.shape[1])]
        gradients = Gradients(layers, np.arange(1.0, len(norm) + 1), figures)
    return History(
        source="test",
        train=curve(*train),
        validation=curve(*validation),
        metrics={"accuracy": curve(*accuracy)},
        gradients=gradients,
        settings=settings,
    )


def test_every_cell_of_the_labels_is_planted_and_every_kind_of_control_made():
    assert set(LABELS["faults"]) == set(FAULTS)
    assert set(CONTROLS["kinds"]) == set(KINDS)
    assert len(all_faulty()) >= 240
    assert len(all_controls()) >= 200
    for fault, label in LABELS["faults"].items():
        cells = {key.rpartition("-")[0] for key in all_faulty() if key.startswith(f"{fault}-")}
        assert cells == {f"{fault}-{architecture}" for architecture in label["where"]}
        assert set(label["where"]) | set(label.get("not", {})) == set(LABELS["architectures"])


@pytest.mark.parametrize("recipes", [all_faulty(), all_controls()], ids=["faults", "controls"])
def test_every_recipe_is_accepted_as_a_config(recipes, tmp_path):
    first = {key: recipe for key, recipe in recipes.items() if recipe.seed == SEEDS[0]}
    for key, recipe in first.items():
        settings = recipe.settings | {"output_dir": str(tmp_path)}
        args, trainer_args, _ = resolve(settings, [], where=key, name="scorecard")
        assert trainer_args.max_steps == recipe.steps
        assert args.grad_norm_steps > 0


def test_a_fault_differs_from_its_twin_and_from_every_other_fault():
    for architecture in LABELS["architectures"]:
        plans = [healthy(architecture, 0).plan]
        for fault, label in LABELS["faults"].items():
            if architecture in label["where"]:
                plans.append(faulty(fault, architecture, 0).plan)
        assert all(one not in plans[:number] for number, one in enumerate(plans))


def test_rows_and_weights_are_changed_as_the_labels_say():
    import pandas as pd

    from models.deep_mlp import DeepMLPForSequenceClassification
    from models.reference_configs import DeepMLPConfig, TransformerConfig
    from models.transformer import TransformerForSequenceClassification

    rows = pd.DataFrame({"text": [f"text {n}" for n in range(100)], "label": [0, 1] * 50})
    turned = turn_labels(rows, 0)
    assert (turned["label"] != rows["label"]).sum() == 40
    assert (turned["text"] == rows["text"]).all()
    assert not turned.equals(turn_labels(rows, 1))
    assert sorted_by_label(rows, 0)["label"].is_monotonic_increasing

    shape = {"depth": 3, "width": 16, "vocab_size": 300}
    mlp = DeepMLPForSequenceClassification(DeepMLPConfig(**shape))
    before = mlp.mlp.blocks[2].linear.weight.clone()
    weights_a_tenth(mlp)
    np.testing.assert_allclose(mlp.mlp.blocks[2].linear.weight.detach(), before.detach() / 10, rtol=1e-6)
    weights_three_times(mlp)
    np.testing.assert_allclose(mlp.mlp.blocks[2].linear.weight.detach(), before.detach() * 0.3, rtol=1e-6)
    embeddings = mlp.get_input_embeddings().weight.clone()
    small_inputs(mlp)
    np.testing.assert_allclose(mlp.get_input_embeddings().weight.detach(), embeddings.detach() / 100, rtol=1e-6)
    for network in (mlp, TransformerForSequenceClassification(TransformerConfig(**shape, heads=2))):
        biases_far_below(network)
        low = [name for name, weight in network.named_parameters() if (weight == -10).all()]
        assert len(low) == 3


def test_subclinical_is_what_the_labels_say():
    twin = history([0.7, 0.5], [0.60, 0.50], [0.7, 0.80])
    assert is_subclinical(history([0.7, 0.5], [0.60, 0.52], [0.7, 0.79]), twin)
    assert not is_subclinical(history([0.7, 0.5], [0.60, 0.53], [0.7, 0.79]), twin), "loss"
    assert not is_subclinical(history([0.7, 0.5], [0.60, 0.52], [0.7, 0.77]), twin), "accuracy"
    assert not is_subclinical(history([0.7, 0.5], [0.50, 0.53], [0.7, 0.80]), twin), "last loss"
    assert not is_subclinical(history([0.7, math.nan], [0.60, 0.50], [0.7, 0.80]), twin), "NaN"


def test_a_control_is_healthy_by_the_rule_and_not_otherwise():
    falling, right = [0.69, 0.6, 0.5, 0.42, 0.41, 0.4, 0.4, 0.4], [0.5] * 7 + [0.8]
    assert why_not_healthy(history([0.7], falling, right)) is None
    assert "best 0.400" in why_not_healthy(history([0.7], [*falling, 0.5], [*right, 0.8]))
    assert "chance" in why_not_healthy(history([0.7], [0.69] * 8, right))
    assert "quarter" in why_not_healthy(history([0.7], np.linspace(0.69, 0.4, 8), right))
    assert "accuracy" in why_not_healthy(history([0.7], falling, [0.5] * 8))
    assert "no number" in why_not_healthy(history([math.inf], falling, right))


def test_debugger_fires_by_its_thresholds():
    falling = np.geomspace(1, 0.1, 30)
    assert rivals.debugger(history(falling, [], norm=[[1, 1]], mean_abs=[[1e-6, 1e-6]])) == set()
    assert rivals.debugger(history(falling, [], norm=[[1, 1]], mean_abs=[[1e-8, 1e-6]])) == {"vanishing_gradient"}
    assert rivals.debugger(history([*falling, *[0.1] * 12])) == {"loss_not_decreasing"}
    assert rivals.debugger(history([0.5, 0.4], [0.549, 0.439])) == set()
    assert rivals.debugger(history([0.5, 0.4], [0.549, 0.441])) == {"overfit"}


def test_autotrainer_fires_by_its_thresholds():
    well = {"accuracy": [0.5, 0.7, 0.8]}
    assert rivals.autotrainer(history([1], norm=[[1, 1]], **well)) == set()
    assert rivals.autotrainer(history([1], norm=[[9e-5, 1]], **well)) == {"vanishing"}
    assert rivals.autotrainer(history([1], norm=[[9e-4, 1]], **well)) == set()
    assert rivals.autotrainer(history([1], norm=[[71, 1]], **well)) == {"exploding"}
    assert rivals.autotrainer(history([math.nan], **well)) == {"exploding"}
    assert rivals.autotrainer(history([1], accuracy=[0.7, 0.8, 0.76, 0.8, 0.81, 0.82])) == {"oscillating"}
    assert rivals.autotrainer(history([1], accuracy=[0.5, 0.505, 0.505])) == {"slow_convergence", "not_converging"}


def test_umlaut_fires_by_its_thresholds():
    assert rivals.umlaut(history(learning_rate=0.01)) == set()
    assert rivals.umlaut(history(learning_rate=0.011)) == {"rate_too_high"}
    assert rivals.umlaut(history(learning_rate=9e-8)) == {"rate_too_low"}
    assert rivals.umlaut(history([0.5, 0.4], [0.5, 0.51], learning_rate=1e-3)) == {"overfitting"}
    assert rivals.umlaut(history([0.5, 0.6], [0.5, 0.51], learning_rate=1e-3)) == set()


def test_every_rule_stands_for_verdicts_and_none_firing_for_healthy():
    assert set(rivals.MEANS) == set(rivals.RIVALS)
    nothing = history(np.geomspace(1, 0.1, 30), learning_rate=1e-3)
    assert all(rivals.verdicts(tool, nothing) == (Name.HEALTHY,) for tool in rivals.RIVALS)
    assert rivals.verdicts("UMLAUT", history(learning_rate=1.0))[0] == Name.DIVERGENCE


def records(seed: int) -> list[dict]:
    draw = np.random.default_rng(seed)
    lines: list[dict] = [{"kind": "event", "step": 0, "epoch": 0, "event": "train_begin", "max_steps": 60}]
    for step in range(5, 65, 5):
        places = {"step": step, "epoch": step / 30}
        figures = {name: float(draw.random()) for name in ("norm", "mean_abs", "zero_fraction")}
        layers = {"embeddings": figures, "block.0": figures | {"dead_fraction": 0.5}}
        lines.append(
            {"kind": "grad_norms", **places, "clipped": False, "total": float(draw.random()), "layers": layers}
        )
        loss = 0.7 * 0.95 ** (step / 5)
        lines.append({"kind": "train", **places, "loss": loss, "learning_rate": 1e-3, "grad_norm": 1.0})
        lines.append({"kind": "eval", **places, "loss": loss + 0.01, "accuracy": 1 - loss, "f1": 0.5})
    lines[-2]["loss"] = math.nan
    lines.append({"kind": "event", "step": 60, "epoch": 2.0, "event": "non_finite", "value": math.inf, "name": None})
    return lines


def test_traces_survive_a_round_trip(tmp_path):
    path = tmp_path / "faults.parquet"
    plan = faulty("label_noise", "mlp", 0).plan
    traces = [
        Trace(key=f"label_noise-mlp-{seed}", plan=plan, records=compact(records(seed)), seconds=3.5) for seed in (1, 0)
    ]
    write_traces(path, traces)
    read = read_traces(path)
    assert list(read) == ["label_noise-mlp-0", "label_noise-mlp-1"]
    for trace in traces:
        back = read[trace.key]
        assert (back.plan, back.seconds, back.of, back.architecture) == (plan, 3.5, "label_noise", "mlp")
        assert [list(record) for record in back.records] == [list(record) for record in trace.records]
        ours, theirs = back.history(), trace.history()
        for name in ("train", "validation", "learning_rate", "grad_norm"):
            np.testing.assert_array_equal(getattr(ours, name).step, getattr(theirs, name).step)
            np.testing.assert_allclose(getattr(ours, name).value, getattr(theirs, name).value, rtol=1e-6)
        assert ours.gradients.layers == theirs.gradients.layers
        for name, values in theirs.gradients.figures.items():
            np.testing.assert_allclose(ours.gradients.figures[name], values, rtol=1e-6)
        assert (ours.max_step, ours.steps_per_epoch, ours.classes) == (60, 30, 2)
        assert not {"rows", "weights", "corpus"} & set(ours.settings)
    write_traces(tmp_path / "again.parquet", list(read.values()))
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()
    assert read_traces(tmp_path / "none.parquet") == {}


def test_a_log_cut_at_a_step_is_what_was_logged_until_then():
    trace = Trace(key="plain-mlp-0", plan={}, records=compact(records(0)))
    part = until(trace.history(), 30)
    assert part.train.step[-1] == part.validation.step[-1] == part.gradients.step[-1] == 30
    assert len(part.gradients.norm) == len(part.train) == 6
    assert until(trace.history(), 1).gradients is None


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_that_of_scikit_learn(seed):
    draw = np.random.default_rng(seed)
    truth = [CLASSES[number] for number in draw.integers(len(CLASSES) - seed, size=200)]
    wrong = [*CLASSES, Name.INSUFFICIENT_EVIDENCE]
    said = [one if draw.random() < 0.7 else wrong[draw.integers(len(wrong))] for one in truth]
    expected = f1_score(truth, said, labels=sorted(set(truth)), average="macro", zero_division=0)
    assert f1_of_counts(count(truth, said)) == pytest.approx(expected)


def make_case(key: str, accepted: tuple[Name, ...]) -> Case:
    cell = key.rpartition("-")[0]
    return Case(key=key, cell=cell, architecture="mlp", seed=0, accepted=accepted, control=accepted == (Name.HEALTHY,))


def test_an_accepted_verdict_counts_as_the_best_one():
    case = make_case("rate_too_high-mlp-0", accepted_of("rate_too_high"))
    assert case.counted((Name.PLATEAU,)) == Name.DIVERGENCE
    assert case.counted((Name.OVERFITTING, Name.OSCILLATION)) == Name.DIVERGENCE
    assert case.counted((Name.OVERFITTING,)) == Name.OVERFITTING


def test_the_interval_holds_the_score_and_vanishes_without_mistakes():
    cases = [make_case(f"plain{cell}-mlp-{seed}", (Name.HEALTHY,)) for cell in range(20) for seed in SEEDS]
    cases += [
        make_case(f"f{cell}-mlp-{seed}", (Name.OVERFITTING, Name.PLATEAU)) for cell in range(20) for seed in SEEDS
    ]
    right = [(case.truth,) for case in cases]
    assert resampled_f1(cases, right).min() == macro_f1(cases, right) == 1
    # Every fifth cell is wrong, whatever its seed.
    said = [(Name.HEALTHY,) if number // len(SEEDS) % 5 == 0 else case.accepted for number, case in enumerate(cases)]
    low, high = np.percentile(resampled_f1(cases, said), [2.5, 97.5])
    assert low < macro_f1(cases, said) < high
    assert 0.03 < high - low < 0.3


def test_the_comparison_is_an_exact_sign_test():
    assert paired([True] * 5 + [False], [False] * 5 + [True]) == (5, 1, pytest.approx(2 * 7 / 64))
    assert paired([True, False], [True, False])[2] == 1


def test_a_trace_is_judged_and_made_a_case():
    noise = np.random.default_rng(0).normal(0, 0.01, 60)
    lines = [{"kind": "event", "step": 0, "epoch": 0, "event": "train_begin", "max_steps": 300}]
    for number in range(60):
        places = {"step": 5 * (number + 1), "epoch": (number + 1) / 30}
        loss = 0.3 + 0.4 * math.exp(-number / 12) + noise[number]
        lines.append({"kind": "train", **places, "loss": loss, "learning_rate": 1e-3, "grad_norm": 1.0})
        if number % 6 == 5:
            lines.append({"kind": "eval", **places, "loss": 0.35 + 0.35 * math.exp(-number / 12), "accuracy": 0.8})
    twin = Trace(key="plain-mlp-0", plan=healthy("mlp", 0).plan, records=compact(lines))
    faulty_one = Trace(key="rate_too_high-mlp-0", plan=faulty("rate_too_high", "mlp", 0).plan, records=twin.records)
    judged = {trace.key: judge(trace) for trace in (twin, faulty_one)}
    assert judged["plain-mlp-0"]["said"]["this project"] == (Name.HEALTHY,)
    assert judged["plain-mlp-0"]["live"] is None
    assert Name.DIVERGENCE in judged["rate_too_high-mlp-0"]["said"]["UMLAUT"], "the rate is 0.09"
    sick, well = cases_of({faulty_one.key: faulty_one}, {twin.key: twin}, judged)
    assert (sick.subclinical, sick.truth, well.accepted) == (True, Name.DIVERGENCE, (Name.HEALTHY,))
