"""Attention for short rows on a CPU, where torch's own spends its time on everything but the products."""

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from models.dropout import apply_mask, draw_mask, kept_of_256

NAME = "short_rows"
LONGEST = 128
# torch's softmax is eight times slower where the last dimension does not fill AVX512 registers of 16 floats.
LANES = 16


def _widen(x: Tensor, width: int) -> Tensor:
    """(batch, heads, tokens, head_dim) of any dtype to float32 (batch * heads, width, head_dim), zeros at the end."""
    batch, heads, tokens, head_dim = x.shape
    wide = x.new_empty(batch, heads, width, head_dim, dtype=torch.float32)
    wide[:, :, :tokens] = x
    wide[:, :, tokens:] = 0
    return wide.view(batch * heads, width, head_dim)


def _narrow(x: Tensor, like: Tensor) -> Tensor:
    """Undo _widen: shape and dtype of `like`, laid out as (batch, tokens, heads, head_dim)."""
    batch, heads, tokens, head_dim = like.shape
    narrow = like.new_empty(batch, tokens, heads, head_dim).transpose(1, 2)
    return narrow.copy_(x.view(batch, heads, -1, head_dim)[:, :, :tokens])


def _additive_mask(mask: Tensor | None, tokens: int, width: int) -> Tensor | None:
    """A mask (…, queries, tokens), boolean or additive, as float32 (…, queries, width) that shuts the padding out."""
    if mask is None and tokens == width:
        return None
    shape = (1, 1, 1) if mask is None else mask.shape[:-1]
    bias = torch.full((*shape, width), -math.inf)
    if mask is None:
        bias[..., :tokens] = 0
    elif mask.dtype == torch.bool:
        bias[..., :tokens] = torch.where(mask, 0.0, torch.finfo(torch.float32).min)
    else:
        bias[..., :tokens] = mask
    return bias


class _ShortAttention(torch.autograd.Function):
    """softmax(q k^T * scaling + mask) v, with dropout on the softmax, in float32, by batched products alone."""

    @staticmethod
    @torch.autocast("cpu", enabled=False)
    def forward(ctx, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, kept: int):
        batch, heads, tokens, _ = query.shape
        width = -(-key.shape[2] // LANES) * LANES
        q, k, v = _widen(query, tokens), _widen(key, width), _widen(value, width)
        scores = torch.baddbmm(q.new_empty(1), q, k.mT, beta=0, alpha=scaling)
        bias = _additive_mask(mask, key.shape[2], width)
        if bias is not None:
            scores.view(batch, heads, tokens, width).add_(bias)
        weights = scores.softmax(-1)
        dropped = draw_mask(weights.shape, kept) if kept < 256 else None
        thinned = weights if dropped is None else apply_mask(weights, dropped)
        out = torch.baddbmm(q.new_empty(1), thinned, v, beta=0, alpha=256 / kept)
        ctx.save_for_backward(query, key, q, k, v, weights, dropped, thinned)
        ctx.scaling, ctx.scale = scaling, 256 / kept
        return _narrow(out, query)

    @staticmethod
    @once_differentiable
    @torch.autocast("cpu", enabled=False)
    def backward(ctx, grad: Tensor):
        query, key, q, k, v, weights, dropped, thinned = ctx.saved_tensors
        empty, grad = q.new_empty(1), _widen(grad, query.shape[2])
        grad_v = torch.baddbmm(empty, thinned.mT, grad, beta=0, alpha=ctx.scale)
        grad_weights = torch.baddbmm(empty, grad, v.mT, beta=0, alpha=ctx.scale)
        if dropped is not None:
            grad_weights = apply_mask(grad_weights, dropped)
        grad_scores = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, torch.float32)
        grad_q = torch.baddbmm(empty, grad_scores, k, beta=0, alpha=ctx.scaling)
        grad_k = torch.baddbmm(empty, grad_scores.mT, q, beta=0, alpha=ctx.scaling)
        return _narrow(grad_q, query), _narrow(grad_k, key), _narrow(grad_v, key), None, None, None


def short_attention(module, query, key, value, attention_mask, dropout=0.0, scaling=None, is_causal=None, **kwargs):
    """transformers' attention interface: sdpa's result, with dropout's rate rounded to 1/256.

    query, key, value: (batch, heads, tokens, head_dim); returns (batch, tokens, heads, head_dim) and None. Outside
    training, beyond 128 keys, and for whatever sdpa alone can do, it hands on to sdpa.
    """
    kept = kept_of_256(dropout)
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    ours = (
        module.training
        and kept > 0
        and key.shape[2] <= LONGEST
        and query.shape[1] == key.shape[1]
        and query.shape[3] == value.shape[3]
        and not (causal and attention_mask is None)
        and all(kwargs.get(name) is None for name in ("position_bias", "cache", "softcap"))
    )
    if not ours:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, is_causal=is_causal, **kwargs
        )
    if attention_mask is not None and attention_mask.shape[2] > 1 and attention_mask.stride(2) == 0:
        attention_mask = attention_mask[:, :, :1]  # one mask for all queries: what transformers expands for an encoder
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return _ShortAttention.apply(query, key, value, attention_mask, scaling, kept).transpose(1, 2), None


AttentionInterface.register(NAME, short_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
