import numpy as np
import pytest

from eval.diagnosis.dead_units import detect
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Gradients
from tests.eval.diagnosis.profiles import FALLING, FLAT, of_blocks, run, trained


def dead(shares: list[float], recordings: int = 10, **figures) -> Gradients:
    """Blocks with these shares of dead units all along."""
    share = np.tile(np.asarray(shares, dtype=float), (recordings, 1))
    return of_blocks(np.ones_like(share), dead_fraction=share, **figures)


def test_a_dead_layer_is_found_and_named():
    finding = detect(run(dead([0.1, 1.0, 0.2, 0.1]), FLAT))
    assert finding.name == Name.DEAD_UNITS
    assert finding.evidence["dead_layers"] == 1 and finding.evidence["dead_fraction.block.1"] == 1
    assert finding.onset.step == 1
    assert "biases" in finding.causes[0].cause


def test_a_network_that_learns_may_have_one_dead_layer_but_not_half():
    assert detect(run(dead([0.1, 1.0, 0.2, 0.1]), FALLING)) is None
    assert detect(run(dead([0.1, 1.0, 1.0, 0.1]), FALLING))


def test_units_that_die_in_training_speak_for_the_rate():
    gradients = dead([0.3] * 4, 12)
    gradients.figures["dead_fraction"][5:] = 0.97
    finding = detect(run(gradients, FLAT))
    assert finding.onset.step == 26
    assert "rate" in finding.causes[0].cause


def test_units_that_come_back_are_not_dead():
    gradients = dead([1.0] * 4, 12)
    gradients.figures["dead_fraction"][8:] = 0.3
    assert detect(run(gradients, FLAT)) is None
    gradients = dead([0.3] * 4, 12)
    gradients.figures["dead_fraction"][[3, 7]] = 1.0
    assert detect(run(gradients, FLAT)) is None
    gradients.figures["dead_fraction"][-1] = 1.0
    assert detect(run(gradients, FLAT)) is None


def test_shares_of_healthy_rectifiers_raise_no_alarm():
    draw = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        shares = draw.uniform(0, 0.75, (draw.integers(1, 20), draw.integers(1, 40)))
        zero = 1 - (1 - shares) ** 2
        gradients = of_blocks(np.ones_like(shares), dead_fraction=shares, zero_fraction=zero)
        alarms += detect(run(gradients, FLAT)) is not None
        alarms += detect(run(of_blocks(np.ones_like(shares), zero_fraction=zero), FLAT)) is not None
    assert alarms == 0


def test_words_that_are_not_in_the_batch_do_not_count():
    names = ["embeddings", *(f"block.{i}" for i in range(4)), "head"]
    zero = np.tile([0.999, 0.0, 0.1, 0.0, 0.0, 0.0], (5, 1))
    assert detect(run(Gradients(names, np.arange(5.0), {"norm": np.ones((5, 6)), "zero_fraction": zero}), FLAT)) is None


def test_frozen_layers_do_not_count_but_layers_that_stop_do():
    zero = np.tile([1.0, 1.0, 0.0, 0.0], (9, 1))
    norm = np.tile([0.0, 0.0, 1.0, 1.0], (9, 1))
    assert detect(run(of_blocks(norm, zero_fraction=zero), FLAT)) is None
    zero[:3, :2], norm[:3, :2] = 0.4, 1.0
    finding = detect(run(of_blocks(norm, zero_fraction=zero), FLAT))
    assert finding.evidence["dead_layers"] == 2 and finding.evidence["layers_without_gradient"] == 2
    for tuning in ("lora", "frozen"):
        assert detect(run(of_blocks(norm, zero_fraction=zero), FLAT, tuning=tuning)) is None


def test_zeros_that_a_float_cannot_hold_are_not_dead():
    zero = np.tile([0.999, 0.5, 0.0, 0.0, 0.0], (5, 1))
    assert detect(run(of_blocks(np.tile([1e-33, 1e-27, 1e-15, 1e-6, 1.0], (5, 1)), zero_fraction=zero), FLAT)) is None


def test_a_scale_of_all_gradients_makes_no_difference():
    gradients = dead([1.0, 0.2])
    finding = detect(run(gradients, FLAT))
    gradients.figures["norm"] *= 1e-9
    assert detect(run(gradients, FLAT)) == finding


def test_missing_recordings_and_values_that_are_no_number_do_not_matter():
    gradients = dead([np.nan, 1.0, 0.2, np.nan])
    gradients.figures["dead_fraction"][4] = np.nan
    assert detect(run(gradients, FLAT)).evidence["layers_with_rectifiers"] == 2
    assert detect(run(dead([np.nan] * 4), FLAT)) is None


@pytest.mark.parametrize("recordings", [1, 2])
def test_one_layer_and_few_recordings_are_enough(recordings):
    assert detect(run(dead([1.0], recordings), FLAT)).confidence == 0.7
    assert detect(run(dead([0.2], recordings), FLAT)) is None


def test_little_or_nothing_says_nothing():
    assert detect(run(None, FLAT)) is None
    assert detect(run(of_blocks(np.ones((3, 4))), FLAT)) is None
    assert detect(run(of_blocks(np.empty((0, 4))), FLAT)) is None


@pytest.mark.slow
@pytest.mark.parametrize("model", ["transformer", "deep_mlp"])
@pytest.mark.parametrize("bias", [0.0, -10.0])
def test_real_networks(tiny_corpus, tmp_path, monkeypatch, model, bias):
    from torch import nn

    import models.deep_mlp
    import models.transformer

    module_of = {"transformer": models.transformer, "deep_mlp": models.deep_mlp}[model]
    initialise = module_of.initialise

    def planted(module, config):
        initialise(module, config)
        hidden = model == "deep_mlp" or (isinstance(module, nn.Linear) and module.out_features > config.width)
        if isinstance(module, nn.Linear) and hidden and module.out_features >= config.width:
            nn.init.constant_(module.bias, bias)

    monkeypatch.setattr(module_of, "initialise", planted)
    shape = "depth=3,width=32,vocab_size=300,activation=relu,init=he"
    finding = detect(trained(tiny_corpus, tmp_path / "run", "--model", model, "--model_config", shape))
    assert (finding is not None) is (bias < 0)
