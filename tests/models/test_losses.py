from types import SimpleNamespace

import pytest
import torch
from torch.nn import CrossEntropyLoss

from models.losses import cross_entropy


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
