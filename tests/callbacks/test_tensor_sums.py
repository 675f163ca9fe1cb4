import math

import pytest
import torch
from torch import nn

from callbacks.tensor_sums import PIECE, TensorSums, joint_norm, pieces, total_gradient_norm


def test_joint_norm_equals_that_of_one_long_vector():
    torch.manual_seed(0)
    tensors = [torch.randn(3, 4), torch.randn(PIECE + 7), torch.randn(2, 5, 3).transpose(0, 2), torch.tensor(2.0)]
    expected = torch.cat([tensor.reshape(-1).double() for tensor in tensors]).norm().item()
    assert joint_norm(tensors) == pytest.approx(expected, rel=1e-6)


def test_total_gradient_norm_equals_what_torch_clips_by():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(50, 40), nn.Linear(40, 3), nn.Linear(3, 1))
    model[:2](torch.randn(7, 50)).pow(2).sum().backward()
    assert total_gradient_norm(model) == pytest.approx(
        nn.utils.clip_grad_norm_(model.parameters(), 1.0).item(), rel=1e-6
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_bad_element_shows_in_the_norm(bad):
    tensor = torch.zeros(1000)
    tensor[357] = bad
    assert not math.isfinite(joint_norm([torch.ones(3), tensor]))


def test_half_precision_is_summed_in_float32():
    half = torch.full((10_000,), 300.0, dtype=torch.float16)
    assert joint_norm([half]) == pytest.approx(300 * 100)


def test_pieces_are_the_whole_tensor_in_order():
    tensor = torch.arange(PIECE * 2 + 5.0)
    parts = list(pieces(tensor))
    assert len(parts) == 3
    assert torch.equal(torch.cat(parts), tensor)


def test_sums_are_kept_apart_by_key_and_squared_where_asked():
    sums = TensorSums()
    for value in (1.0, 2.0, 3.0):
        sums.add("plain", torch.tensor(value))
        sums.add("squares", torch.tensor(value), squared=True)
    assert sums.fetch() == {"plain": 6.0, "squares": 14.0}
    assert TensorSums().fetch() == {}
