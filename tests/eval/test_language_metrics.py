import numpy as np
import pytest
import torch
from transformers import EvalPrediction

from eval.language_metrics import language_metrics, language_metrics_with_intervals
from eval.trainer_metrics import compute_language_metrics, log_losses_by_row


def test_loss_is_the_mean_over_tokens_not_over_rows():
    found = language_metrics(np.array([1.0, 30.0]), np.array([1, 9]))
    assert found == pytest.approx({"loss": 3.1, "perplexity": np.exp(3.1)})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_losses_by_row_are_torchs(dtype):
    logits, labels = torch.randn(4, 6, 9).to(dtype), torch.randint(9, (4, 6))
    labels[1, 3:] = labels[3, 1:] = -100
    found = log_losses_by_row(logits, labels)
    for row in range(4):
        targets = labels[row, 1:][labels[row, 1:] != -100]
        log_probabilities = logits[row].double().log_softmax(-1)
        expected = -sum(log_probabilities[place, target].item() for place, target in enumerate(targets))
        assert found[row].tolist() == pytest.approx([expected, len(targets)], rel=1e-4, abs=1e-6)
    metrics = compute_language_metrics(EvalPrediction(found.numpy(), labels.numpy()))
    shifted = logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten()
    assert metrics["loss"] == pytest.approx(torch.nn.functional.cross_entropy(*shifted).item(), rel=1e-5)
    assert metrics["perplexity"] == pytest.approx(np.exp(metrics["loss"]))


def test_the_interval_covers_the_true_loss_about_as_often_as_it_says():
    draw, covered = np.random.default_rng(0), 0
    for seed in range(200):
        tokens = draw.integers(2, 20, size=100)
        log_losses = 3 * tokens + draw.normal(size=100) * tokens  # a row's tokens share their difficulty
        loss = language_metrics_with_intervals(log_losses, tokens, resamples=300, seed=seed)["loss"]
        assert loss.low <= loss.value <= loss.high and loss.n == 100
        covered += loss.low <= 3 <= loss.high
    assert 0.88 * 200 <= covered <= 0.99 * 200


def test_one_nan_makes_both_figures_undefined():
    found = language_metrics_with_intervals(np.array([1.0, np.nan]), np.array([2, 2]), resamples=50)
    assert found["loss"].value is None and found["perplexity"].value is None
