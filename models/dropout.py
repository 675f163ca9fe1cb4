"""Dropout from random bytes: the same regulariser, some ten times cheaper on a CPU than torch's serial bernoulli_."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# A product with a mask of 0 and 1 on the bit pattern is vectorised; torch's boolean masks are ten times slower.
BIT_PATTERN = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}


def kept_of_256(p: float) -> int:
    """How many of 256 elements stay at dropout rate p, which is thereby rounded to 1/256 (0.1 becomes 26/256)."""
    return 256 - round(p * 256)


def draw_mask(shape: torch.Size, kept: int) -> Tensor:
    """Draw a byte mask of the given shape, 1 with probability kept/256, kept < 256, from torch's global generator."""
    numel = shape.numel()
    # random_() without bounds would leave the sign bit 0, and so every eighth byte below 128.
    words = torch.empty((numel + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.uint8)[:numel].lt_(kept).view(shape)


def apply_mask(x: Tensor, mask: Tensor) -> Tensor:
    """Zero the elements of x, NaN too, where the byte mask of the same shape is 0."""
    bits = BIT_PATTERN[x.dtype]
    return (x.contiguous().view(bits) * mask.to(bits)).view(x.dtype)


class _ByteDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, kept: int) -> Tensor:
        mask = draw_mask(x.shape, kept)
        ctx.save_for_backward(mask)
        ctx.scale = 256 / kept
        return apply_mask(x, mask).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        (mask,) = ctx.saved_tensors
        return apply_mask(grad, mask).mul_(ctx.scale), None


class ByteDropout(nn.Dropout):
    """nn.Dropout whose rate is rounded to 1/256, with the scale that keeps the expectation exact.

    Seeded by torch.manual_seed like nn.Dropout, but with other draws. Where random bytes do not pay or do not fit
    (other devices and dtypes, rates that round to 0 or 1) it is nn.Dropout itself.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (nn.Dropout's name for it)
        kept = kept_of_256(self.p)
        if not self.training or not 0 < kept < 256 or input.device.type != "cpu" or input.dtype not in BIT_PATTERN:
            return super().forward(input)
        return _ByteDropout.apply(input, kept)
