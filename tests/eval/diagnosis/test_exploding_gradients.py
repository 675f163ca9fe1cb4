import dataclasses

import numpy as np
import pytest

from eval.diagnosis.exploding_gradients import detect
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve
from tests.eval.diagnosis.profiles import FALLING, FLAT, geometric, losses, of_blocks, run, trained

STEPS = 1.0 + np.arange(50)
RISING = Curve(STEPS, 0.4 + 2 * np.clip((STEPS - 30) / 10, 0, 1))


def norms(values) -> Curve:
    return Curve(STEPS[: len(values)], np.asarray(values, dtype=float))


def steady(scale: float = 1.0, seed: int = 0) -> np.ndarray:
    return scale * np.exp(np.random.default_rng(seed).normal(0, 0.4, 50))


def grown(factor: float) -> np.ndarray:
    """Steady up to step 30, then `factor` times as large within ten steps."""
    return steady() * factor ** np.clip((STEPS - 30) / 10, 0, 1)


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_a_planted_profile_is_found_with_its_factor(factor):
    finding = detect(run(geometric(factor), FLAT))
    assert finding.name == Name.EXPLODING_GRADIENTS
    assert finding.evidence["factor_per_layer"] == pytest.approx(factor, rel=0.05)
    assert finding.onset.step == 1
    assert detect(run(geometric(factor)))
    assert detect(run(geometric(factor), FALLING)) is None
    assert detect(run(geometric(1 / factor), FLAT)) is None


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_a_scale_of_all_gradients_makes_no_difference(scale):
    plain, scaled = (detect(run(geometric(3.0, scale=one), FLAT)) for one in (1.0, scale))
    assert scaled.evidence == pytest.approx(plain.evidence)
    plain, scaled = (detect(run(None, RISING, norms(one * grown(1e4)))) for one in (1.0, scale))
    assert scaled.onset == plain.onset
    assert detect(run(None, FLAT, norms(steady(scale)))) is None


def test_clipping_leaves_the_profile_as_evidence_but_not_the_size():
    # Clipped norms have a total of 1 at most.
    gradients = geometric(3.0)
    clipped = gradients.norm / np.linalg.norm(gradients.norm, axis=1, keepdims=True)
    assert detect(run(dataclasses.replace(of_blocks(clipped), clipped=np.ones(10, dtype=bool)), FLAT))
    capped = norms(np.minimum(grown(1e4) / 100, 1.0))
    assert detect(run(None, RISING, capped)) is None
    even = dataclasses.replace(geometric(1.0), clipped=np.ones(10, dtype=bool))
    even.figures["norm"][5:] *= 1e4
    assert detect(run(even, RISING)) is None


def test_a_norm_that_grows_while_the_loss_suffers_is_found_where_it_begins():
    finding = detect(run(None, RISING, norms(grown(1e4))))
    assert 30 <= finding.onset.step <= 40
    assert finding.evidence["norm_at_the_end"] / finding.evidence["lowest_norm"] > 1000
    assert "rate" in finding.causes[0].cause
    assert detect(run(None, FALLING, norms(grown(1e4)))) is None
    assert detect(run(None, FLAT, norms(grown(1e4)))) is None
    assert detect(run(None, RISING, norms(grown(10)))) is None


def test_a_norm_that_is_no_number_up_to_the_end_counts_unless_the_loss_falls():
    values = steady()
    values[40:] = np.inf
    lost = np.where(STEPS > 40, np.nan, FALLING.value)
    finding = detect(run(None, Curve(STEPS, lost), norms(values)))
    assert finding.onset.step == 41 and finding.evidence["norm_at_the_end"] == np.inf
    assert detect(run(None, FLAT, norms(np.full(50, np.inf))))
    assert detect(run(None, FALLING, norms(values))) is None
    assert detect(run(None, FLAT, norms(np.append(steady()[:48], [np.nan, np.nan])))) is None


def test_steps_that_half_precision_skips_and_spikes_are_healthy():
    values = steady()
    values[[0, 1, 2, 20, 45]] = np.nan
    for loss in (FALLING, FLAT):
        assert detect(run(None, loss, norms(values))) is None
    values = steady()
    values[[10, 30, 48]] = 1e6
    for loss in (FALLING, FLAT, RISING):
        assert detect(run(None, loss, norms(values))) is None


def test_huge_but_steady_norms_are_healthy():
    for loss in (FALLING, FLAT, losses(5.0, 0.2)):
        assert detect(run(None, loss, norms(steady(1e6)))) is None


def test_norms_alone_must_grow_further():
    assert detect(run(None, norm=norms(grown(1e5))))
    assert detect(run(None, norm=norms(grown(300)))) is None


def test_the_layers_stand_for_a_total_that_is_not_logged():
    gradients = geometric(1.0, recordings=10)
    gradients.figures["norm"][6:] *= 1e4
    assert detect(run(gradients, RISING)).evidence["norm_at_the_end"] > 1e3


def test_gradients_that_dwarf_their_weights_count_beside_a_loss_far_above_a_guess():
    heavy = of_blocks(np.full((5, 6), 1e4), weight_norm=np.full((5, 6), 30.0))
    finding = detect(run(heavy, losses(2e4, 5e3)))
    assert finding.evidence["gradient_over_weights"] == pytest.approx(333, rel=0.01)
    assert "initial weights" in finding.causes[0].cause
    assert detect(run(heavy, FALLING)) is None and detect(run(heavy, FLAT)) is None
    light = of_blocks(np.full((5, 6), 30.0), weight_norm=np.full((5, 6), 30.0))
    assert detect(run(light, losses(2e4, 5e3))) is None


def test_healthy_runs_raise_no_alarm():
    draw = np.random.default_rng(1)
    alarms = 0
    for seed in range(300):
        layers = draw.integers(4, 40)
        scales = 10.0 ** draw.uniform(-0.5, 0.5, layers)
        gradients = of_blocks(scales * np.exp(draw.normal(0, 0.3, (draw.integers(1, 5), layers))))
        wandering = np.exp(np.cumsum(draw.normal(0, 0.2, 50)) + draw.normal(0, 0.5, 50))
        wandering[draw.random(50) < 0.04] *= 1e3
        loss = FALLING if draw.random() < 0.5 else losses(0.695, 0.69, seed=seed)
        alarms += detect(run(gradients, loss, norms(wandering))) is not None
    assert alarms <= 1


def test_little_or_nothing_says_nothing():
    assert detect(run()) is None and detect(run(None, FLAT)) is None
    assert detect(run(of_blocks([[1.0]]), FLAT)) is None
    assert detect(run(of_blocks(np.full((2, 6), np.nan)), FLAT)) is None
    assert detect(run(geometric(3.0, recordings=2), FLAT))


def test_flags_follow_the_run():
    rates = Curve(STEPS, np.full(50, 3e-3))
    log = run(None, RISING, norms(grown(1e4)), model="transformer", max_grad_norm=0)
    finding = detect(dataclasses.replace(log, learning_rate=rates))
    assert "--learning_rate 3.0e-04" in finding.today[1].flags
    assert any("max_grad_norm is 0" in reason for cause in finding.causes for reason in cause.for_)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_real_networks(tiny_corpus, tmp_path, monkeypatch, spread):
    from torch import nn

    import models.deep_mlp

    initialise = models.deep_mlp.initialise

    def wide(module, config):
        initialise(module, config)
        if isinstance(module, nn.Linear):
            module.weight.data.mul_(spread)

    monkeypatch.setattr(models.deep_mlp, "initialise", wide)
    shape = "depth=12,width=32,vocab_size=300"
    flags = ("--model", "deep_mlp", "--model_config", shape, "--max_grad_norm", "0")
    finding = detect(trained(tiny_corpus, tmp_path / "run", *flags))
    assert (finding is not None) is (spread > 1)
