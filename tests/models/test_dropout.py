import pytest
import torch
from torch import nn

from models.dropout import ByteDropout, apply_mask, draw_mask, kept_of_256


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_every_byte_of_the_random_words_keeps_at_the_rate(p):
    kept = kept_of_256(p)
    share = draw_mask(torch.Size([100_000, 8]), kept).double().mean(0)
    # 5 standard errors of a proportion over 100,000 draws
    torch.testing.assert_close(share, torch.full((8,), kept / 256, dtype=torch.float64), rtol=0, atol=0.008)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_expectation_stays(dtype):
    out = ByteDropout(0.1)(torch.ones(1_000_000, dtype=dtype))
    assert out.float().mean().item() == pytest.approx(1, abs=0.005)
    assert set(out.unique().tolist()) == {0.0, torch.tensor(256 / 230, dtype=dtype).item()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_gradient_equals_autograds_on_an_explicit_mask(dtype):
    x = torch.randn(33, 7, dtype=dtype).T.requires_grad_()
    torch.manual_seed(3)
    out = ByteDropout(0.25)(x)
    upstream = torch.randn_like(out)
    (gradient,) = torch.autograd.grad(out, x, upstream)
    torch.manual_seed(3)
    mask = draw_mask(x.shape, 192).to(dtype)
    rival = x * mask * (256 / 192)
    (rival_gradient,) = torch.autograd.grad(rival, x, upstream)
    torch.testing.assert_close(out, rival, rtol=0, atol=0)
    torch.testing.assert_close(gradient, rival_gradient, rtol=0, atol=0)


def test_the_mask_leaves_kept_bits_alone_and_zeroes_the_rest():
    x = torch.tensor([-0.0, float("nan"), float("inf"), -1.5])
    assert apply_mask(x, torch.tensor([1, 0, 0, 1], dtype=torch.uint8)).tolist() == [0, 0, 0, -1.5]
    assert apply_mask(x, torch.tensor([0, 1, 1, 0], dtype=torch.uint8)).isnan().tolist() == [False, True, False, False]


def test_evaluation_and_rate_zero_are_the_identity():
    x = torch.randn(5)
    assert ByteDropout(0.5).eval()(x) is x
    torch.testing.assert_close(ByteDropout(0.0)(x), x, rtol=0, atol=0)


@pytest.mark.parametrize("p", [0.001, 0.999, 1.0])
def test_rates_that_round_to_nothing_or_all_are_torchs(p):
    x = torch.randn(1000)
    torch.manual_seed(0)
    ours = ByteDropout(p)(x)
    torch.manual_seed(0)
    assert torch.equal(ours, nn.Dropout(p)(x))


def test_torchs_seed_decides():
    x, layer = torch.ones(999), ByteDropout(0.3)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    state = torch.manual_seed(1).get_state()
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    assert torch.equal(layer(x), first)
