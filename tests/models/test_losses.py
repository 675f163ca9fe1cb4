from types import SimpleNamespace

import pytest
import torch
from torch.nn import CrossEntropyLoss
from transformers.loss.loss_utils import ForCausalLMLoss

from models.losses import IGNORED, cross_entropy, next_token_cross_entropy


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 2, generator=generator), torch.tensor([0, 1, 1, 0, 1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_torchs_mean(batch, smoothing):
    logits, labels = batch
    ours = cross_entropy(SimpleNamespace(logits=logits), labels, label_smoothing=smoothing)
    assert torch.allclose(ours, CrossEntropyLoss(label_smoothing=smoothing)(logits, labels))


def test_parts_of_unequal_size_add_up_to_the_whole(batch):
    logits, labels = batch
    parts = [
        cross_entropy(SimpleNamespace(logits=logits[rows]), labels[rows], torch.tensor(6))
        for rows in (slice(0, 4), slice(4, 6))
    ]
    assert torch.allclose(sum(parts), CrossEntropyLoss()(logits, labels))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_next_token_loss_is_the_one_of_transformers(smoothing):
    logits, ids = torch.randn(3, 5, 11), torch.randint(11, (3, 5))
    ids[1, 3:] = IGNORED
    ours = next_token_cross_entropy(SimpleNamespace(logits=logits), ids, label_smoothing=smoothing)
    rival = CrossEntropyLoss(label_smoothing=smoothing)(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(ours, rival)
    if not smoothing:
        torch.testing.assert_close(ours, ForCausalLMLoss(logits, ids, vocab_size=11))


def test_micro_batches_of_unequal_length_add_up_to_the_whole():
    logits, ids = torch.randn(4, 7, 11), torch.randint(11, (4, 7))
    ids[:3, 2:] = IGNORED  # three rows of two tokens, one of seven
    whole = next_token_cross_entropy(SimpleNamespace(logits=logits), ids)
    parts = [
        next_token_cross_entropy(SimpleNamespace(logits=logits[rows]), ids[rows], torch.tensor(3 + 6))
        for rows in (slice(0, 3), slice(3, 4))
    ]
    torch.testing.assert_close(sum(parts), whole)
