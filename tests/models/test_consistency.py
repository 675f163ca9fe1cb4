from types import SimpleNamespace

import pytest
import torch
from scipy.special import rel_entr
from torch.nn import CrossEntropyLoss
from torch.nn import functional as F

from models.losses import IGNORED, consistent_cross_entropy, cross_entropy, symmetric_divergence


@pytest.fixture
def pairs():
    """Six labelled rows and two without, the first five of them with a twin."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(13, 2, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.tensor([0, IGNORED, 1, 0, 1, IGNORED, 0, 1])


def loss(logits, labels, count=None, **kwargs):
    return consistent_cross_entropy(SimpleNamespace(logits=logits), labels, count, **{"weight": 0.7} | kwargs)


def test_divergence_of_two_answers_in_closed_form():
    # p = 3/4, q = 1/4: both divergences are log(3) / 2.
    found = symmetric_divergence(torch.tensor([[1.0, 3.0]]).log(), torch.tensor([[3.0, 1.0]]).log())
    torch.testing.assert_close(found, torch.tensor([3.0]).log() / 2)


def test_divergence_is_scipys_mean_of_both_ways(pairs):
    one, other = pairs[0][:5], pairs[0][8:]
    p, q = one.softmax(-1).detach().numpy(), other.softmax(-1).detach().numpy()
    rival = (rel_entr(p, q).sum(-1) + rel_entr(q, p).sum(-1)) / 2
    torch.testing.assert_close(symmetric_divergence(one, other).detach(), torch.from_numpy(rival))
    torch.testing.assert_close(symmetric_divergence(one, other), symmetric_divergence(other, one))
    assert symmetric_divergence(one, one).abs().max() == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_value_and_gradient_are_those_of_the_plain_formula(pairs, smoothing):
    logits, labels = pairs
    ours = loss(logits, labels, label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(ours, logits)
    rows, twins = logits[:8].double(), logits[8:].double()
    p, q = F.log_softmax(rows[:5], -1), F.log_softmax(twins, -1)
    both = F.kl_div(q, p, log_target=True, reduction="sum") + F.kl_div(p, q, log_target=True, reduction="sum")
    rival = CrossEntropyLoss(label_smoothing=smoothing)(rows, labels) + 0.7 * both / 2 / 6
    (expected,) = torch.autograd.grad(rival, logits)
    torch.testing.assert_close(ours.double(), rival, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
    assert gradient[8:].abs().min() > 0


def test_parts_of_unequal_size_add_up_to_the_whole(pairs):
    logits, labels = pairs
    batches = ((range(0, 3), range(8, 11)), (range(3, 8), range(11, 13)))
    parts = [loss(logits[[*rows, *twins]], labels[list(rows)], torch.tensor(6)) for rows, twins in batches]
    torch.testing.assert_close(sum(parts), loss(logits, labels))


def test_without_twins_it_is_the_cross_entropy(pairs):
    logits, labels = pairs[0][:8], torch.tensor([0, 1] * 4)
    expected = cross_entropy(SimpleNamespace(logits=logits), labels)
    torch.testing.assert_close(loss(logits, labels), expected)
    torch.testing.assert_close(loss(logits, labels, torch.tensor(16)), expected / 2)


def test_rows_without_a_label_alone_are_no_division_by_zero(pairs):
    logits = pairs[0][:4]
    found = loss(logits, torch.tensor([IGNORED, IGNORED]), torch.tensor(0))
    torch.testing.assert_close(
        found.double(), 0.7 * symmetric_divergence(logits[:2], logits[2:]).sum(), rtol=1e-5, atol=0
    )


def test_half_precision_is_summed_in_full(pairs):
    logits, labels = pairs
    half = logits.detach().to(torch.bfloat16)
    torch.testing.assert_close(loss(half, labels), loss(half.float(), labels))
