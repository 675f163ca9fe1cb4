import dataclasses

import numpy as np
import pytest

from eval.diagnosis.depth_profile import fit, hidden, learned, profile
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, Gradients
from eval.diagnosis.reading import read_history
from eval.diagnosis.vanishing_gradients import SHAPES, detect, network
from models.reference_configs import DeepMLPConfig, TransformerConfig
from tests.eval.diagnosis.profiles import FALLING, FLAT, geometric, losses, of_blocks, run, trained


@pytest.mark.parametrize("factor", [0.1, 0.25, 0.5])
def test_a_planted_profile_is_found_with_its_factor(factor):
    finding = detect(run(geometric(factor, layers=16), FLAT))
    assert finding.name == Name.VANISHING_GRADIENTS
    evidence = finding.evidence
    assert evidence["factor_per_layer"] == pytest.approx(factor, rel=0.05)
    assert evidence["factor_per_layer_low"] < evidence["factor_per_layer"] < evidence["factor_per_layer_high"]
    assert evidence["first_to_last_layer"] == pytest.approx(factor**15, rel=0.5)
    assert finding.onset.step == 1


@pytest.mark.parametrize("layers, deviation", [(6, 0.3), (12, 0.1), (30, 0.3)])
def test_the_interval_covers_the_rate(layers, deviation):
    covered = 0
    for seed in range(200):
        line = fit(profile(geometric(0.3, layers, 1, deviation, seed)))
        covered += line.low <= np.log10(0.3) <= line.high
    assert covered / 200 >= 0.93


def test_the_interval_is_wider_where_neighbours_deviate_alike():
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        logs = 0.5 * np.arange(20) + np.cumsum(draw.normal(0, 0.1, 20))
        line = fit(profile(of_blocks([10.0**logs])))
        covered += line.low <= -0.5 <= line.high
    assert covered / 100 >= 0.8


def test_healthy_profiles_raise_no_alarm():
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        layers = draw.integers(4, 40)
        scales = 10.0 ** draw.uniform(-0.5, 0.5, layers)
        gradients = of_blocks(scales * np.exp(draw.normal(0, 0.3, (draw.integers(1, 5), layers))))
        alarms += detect(run(gradients, FLAT if draw.random() < 0.5 else FALLING)) is not None
    assert alarms == 0


def test_profiles_that_wander_raise_few_alarms():
    draw = np.random.default_rng(2)
    alarms = 0
    for _ in range(150):
        logs = np.cumsum(draw.normal(0, 0.15, draw.integers(4, 31)))
        alarms += detect(run(of_blocks([10.0**logs]), FLAT)) is not None
    assert alarms / 150 <= 0.03


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e6])
def test_a_scale_of_all_gradients_makes_no_difference(scale):
    finding, scaled = (detect(run(geometric(0.25, scale=one), FLAT)) for one in (1.0, scale))
    assert scaled.evidence == pytest.approx(finding.evidence)
    assert scaled.severity == pytest.approx(finding.severity)
    assert detect(run(geometric(1.0, scale=scale), FLAT)) is None


def test_the_order_of_layers_decides():
    gradients = geometric(0.25)
    turned = dataclasses.replace(gradients, figures={"norm": gradients.norm[:, ::-1]})
    assert detect(run(turned, FLAT)) is None


def test_a_network_that_recovers_is_well():
    sick, well = geometric(0.25, recordings=6).norm, geometric(1.0, recordings=6).norm
    assert detect(run(of_blocks(np.concatenate([sick, well])), FLAT)) is None
    late = detect(run(of_blocks(np.concatenate([well, sick])), FLAT))
    assert late.onset.step == 31 and late.onset.epoch == pytest.approx(3.1)
    assert late.causes[0].cause.startswith("training drove")


def test_a_network_that_learns_is_well_unless_its_head_alone_can():
    mild, severe = geometric(0.6), geometric(0.2)
    assert detect(run(mild, FLAT)) and detect(run(mild)) and not detect(run(mild, FALLING))
    words = losses(8.0, 6.0)
    assert detect(dataclasses.replace(run(severe, words), classes=4000))
    assert not detect(run(severe, FALLING))


def test_to_come_down_to_a_guess_is_not_to_learn():
    assert learned(run(train=losses(9.0, 0.693))) <= 0
    assert learned(run(train=losses(0.693, 0.35))) == pytest.approx(0.48, abs=0.03)
    assert learned(run(train=Curve(np.arange(2.0), np.ones(2)))) is None


def test_frozen_layers_are_left_out():
    norm = geometric(1.0).norm
    norm[:, :6] = 0
    assert detect(run(of_blocks(norm), FLAT)) is None
    norm = geometric(0.2).norm
    norm[:, :3] = 0
    finding = detect(run(of_blocks(norm), FLAT))
    assert finding.evidence["layers_without_gradient"] == 3
    assert finding.evidence["factor_per_layer"] == pytest.approx(0.2, rel=0.05)
    assert detect(run(of_blocks(np.zeros((3, 8))), FLAT)) is None


def test_a_step_in_the_middle_is_not_geometric():
    assert detect(run(of_blocks([[1e-6] * 6 + [1.0] * 6] * 4), FLAT)) is None


def test_embeddings_and_head_do_not_count():
    norm = np.full((4, 8), 0.1)
    norm[:, 0], norm[:, -1] = 1e-6, 1e6
    names = ["embeddings", *(f"block.{i}" for i in range(6)), "head"]
    assert hidden(Gradients(names, np.arange(4.0), {"norm": norm})) == [[i] for i in range(1, 7)]
    assert detect(run(Gradients(names, np.arange(4.0), {"norm": norm}), FLAT)) is None


def test_the_parameters_of_a_block_count_as_one():
    names = [f"bert.encoder.layer.{i}.{part}" for i in range(5) for part in ("a.weight", "a.bias")]
    norm = np.repeat(10.0 ** -np.arange(5.0)[::-1], 2)[None]
    shape = profile(Gradients(["bert.embeddings.word", *names], np.ones(1), {"norm": np.c_[[[9.0]], norm]}))
    assert len(shape.layers) == 5 and fit(shape).rate == pytest.approx(-1)


def test_the_mean_goes_before_the_norm_of_layers_of_different_size():
    gradients = geometric(1.0)
    sizes = 10.0 ** np.linspace(0, 4, 12)
    assert detect(run(of_blocks(gradients.norm * np.sqrt(sizes) * sizes), FLAT))
    assert detect(run(of_blocks(gradients.norm * np.sqrt(sizes) * sizes, mean_abs=gradients.norm), FLAT)) is None


def test_missing_recordings_and_values_that_are_no_number_do_not_matter():
    norm = geometric(0.25).norm
    norm[2] = np.nan
    norm[-1, 4] = np.inf
    norm[:, 7] = np.nan
    finding = detect(run(of_blocks(norm), FLAT))
    assert finding.evidence["factor_per_layer"] == pytest.approx(0.25, rel=0.1)
    assert detect(run(of_blocks(np.full((3, 8), np.nan)), FLAT)) is None


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_too_few_layers_say_nothing(layers):
    assert detect(run(of_blocks(np.ones((2, layers)) * 10.0 ** np.arange(layers)), FLAT)) is None


def test_one_or_two_recordings_are_enough():
    for recordings in (1, 2):
        assert detect(run(geometric(0.25, recordings=recordings), FLAT))
    assert detect(run(None, FLAT)) is None and detect(run(of_blocks(np.empty((0, 6))), FLAT)) is None


@pytest.mark.parametrize("column, rising", [("layer", True), ("depth", False)])
def test_a_table_of_layers_alone_is_enough(tmp_path, column, rising):
    path = tmp_path / "gradients.csv"
    rows = [f"{i},{0.3 ** (9 - i if rising else i)}" for i in range(10)]
    path.write_text("\n".join([f"{column},grad_norm", *rows]))
    finding = detect(read_history(path))
    assert finding.evidence["factor_per_layer"] == pytest.approx(0.3)
    assert finding.evidence["factor_per_layer_low"] == pytest.approx(0.3)


def test_many_layers_and_recordings_are_quick():
    finding = detect(run(geometric(0.99, layers=1000, recordings=2000), FLAT))
    assert finding.evidence["factor_per_layer"] == pytest.approx(0.99, rel=0.001)


def test_causes_follow_what_is_known_of_the_network():
    known = run(geometric(0.25), FLAT, model="deep_mlp", model_config={"activation": "sigmoid", "init": "xavier"})
    finding = detect(known)
    assert "sigmoid" in finding.causes[0].cause and "activation is sigmoid" in finding.causes[0].for_
    assert any("--model_config residual=true" in action.flags for action in finding.today)
    unknown = detect(run(geometric(0.25), FLAT))
    assert all("--model_config" not in action.flags for action in unknown.today)


@pytest.mark.parametrize("name, config", [("transformer", TransformerConfig), ("deep_mlp", DeepMLPConfig)])
def test_what_a_network_has_when_nothing_is_said_is_what_the_network_says(name, config):
    assert SHAPES[name] == {key: getattr(config(), key) for key in SHAPES[name]}
    assert network(run(model=name, model_config={"norm": "post"}))["norm"] == "post"
    assert network(run(model="embedded")) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, shape, sick",
    [
        ("deep_mlp", "depth=12,width=16,vocab_size=300,activation=sigmoid,init=xavier", True),
        ("transformer", "depth=8,width=16,heads=2,vocab_size=300,activation=sigmoid,residual=false,norm=none", True),
        ("deep_mlp", "depth=12,width=32,vocab_size=300", False),
        ("transformer", "depth=8,width=16,heads=2,vocab_size=300", False),
    ],
)
def test_real_networks(tiny_corpus, tmp_path, model, shape, sick):
    finding = detect(trained(tiny_corpus, tmp_path / "run", "--model", model, "--model_config", shape))
    assert (finding is not None) is sick
