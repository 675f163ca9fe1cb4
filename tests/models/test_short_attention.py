from types import SimpleNamespace

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from models.dropout import draw_mask, kept_of_256
from models.short_attention import short_attention

TRAINING = SimpleNamespace(training=True, is_causal=False)


def rows(queries=7, keys=7, dtype=torch.float32):
    """Query, key and value as a model makes them: views of (batch, tokens, heads, head_dim)."""
    torch.manual_seed(0)
    return [torch.randn(3, n, 2, 8, dtype=dtype).transpose(1, 2).requires_grad_() for n in (queries, keys, keys)]


def padding_mask(kind, keys):
    """Rows of all, 4 and 1 tokens; kept True or 0, shut out False or -inf."""
    mask = (torch.arange(keys) < torch.tensor([[keys], [4], [1]]))[:, None, None, :]
    return mask if kind == "boolean" else torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)


@pytest.mark.parametrize("mask", [None, "boolean", "additive", "every query"])
@pytest.mark.parametrize(("queries", "keys"), [(7, 7), (16, 16), (5, 33)])
def test_without_dropout_outputs_and_gradients_equal_sdpas(mask, queries, keys):
    if mask == "every query":
        mask = torch.rand(3, 1, queries, keys) < 0.7
        mask[..., 0] = True
    elif mask is not None:
        mask = padding_mask(mask, keys)
    inputs = rows(queries, keys)
    ours, _ = short_attention(TRAINING, *inputs, mask, scaling=0.3)
    rival, _ = sdpa_attention_forward(TRAINING, *inputs, mask, scaling=0.3)
    upstream = torch.randn_like(rival)
    torch.testing.assert_close(ours, rival)
    for gradient, expected in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(rival, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(gradient, expected)


def test_with_dropout_outputs_and_gradients_equal_autograds():
    mask, inputs = padding_mask("boolean", 7), rows()
    query, key, value = inputs
    torch.manual_seed(5)
    ours, _ = short_attention(TRAINING, *inputs, mask, dropout=0.25)
    torch.manual_seed(5)
    keep = draw_mask(torch.Size([3 * 2, 7, 16]), kept_of_256(0.25)).view(3, 2, 7, 16)[..., :7]
    weights = (query @ key.mT * 8**-0.5).masked_fill(~mask, -torch.inf).softmax(-1)
    rival = (weights * keep / 0.75 @ value).transpose(1, 2)
    upstream = torch.randn_like(rival)
    torch.testing.assert_close(ours, rival)
    for gradient, expected in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(rival, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(gradient, expected)


def test_under_autocast_it_computes_in_float32_and_returns_bf16():
    inputs = rows(dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        ours, _ = short_attention(TRAINING, *inputs, None)
    exact, _ = sdpa_attention_forward(TRAINING, *(x.float() for x in inputs), None)
    assert torch.equal(ours, exact.bfloat16())


@pytest.mark.parametrize("reason", ["evaluation", "causal", "long rows", "fewer key heads", "everything dropped"])
def test_what_only_sdpa_can_do_is_sdpas(reason):
    module = SimpleNamespace(training=reason != "evaluation", is_causal=reason == "causal", num_key_value_groups=1)
    inputs = rows(129, 129) if reason == "long rows" else rows()
    if reason == "fewer key heads":
        module.num_key_value_groups = 2
        inputs[1:] = [x[:, :1] for x in inputs[1:]]
    dropout = 1.0 if reason == "everything dropped" else 0.0
    ours, _ = short_attention(module, *inputs, None, dropout=dropout)
    rival, _ = sdpa_attention_forward(module, *inputs, None, dropout=dropout)
    assert torch.equal(ours, rival)
