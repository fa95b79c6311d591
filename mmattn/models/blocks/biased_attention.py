"""Attention with a bias on the logits, inside windows: https://arxiv.org/abs/2103.14030, equation 4.

PyTorch's fused kernel for the CPU has no gradient for the bias: with one it takes the plain steps, and copies queries,
keys and values before and their gradients after. ``HeadByHead`` takes them where they lie.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from mmattn.kernels.context import is_allowed, plain_attention_is_faster


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float = 0.0) -> Tensor:
    """Scaled dot-product attention with a bias on the logits, by PyTorch's fused kernels or the plain steps.

    Args:
        query: (A, B, N, D); key and value alike.
        key: of the same shape.
        value: of the same shape.
        bias: (A, 1, N, N), added to the scaled products; or (A, B, N, N).
        dropout: probability that a weight is left out.

    Returns:
        (A, B, N, D).
    """
    fused = is_allowed('fused') and not torch.jit.is_tracing() and not plain_attention_is_faster(query, key)
    if fused:
        return F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout)
    logits = query @ key.mT * query.shape[-1] ** -0.5 + bias
    wide = torch.promote_types(logits.dtype, torch.float32)
    weights = logits.to(wide).softmax(-1).to(value.dtype)
    return F.dropout(weights, dropout, training=dropout > 0) @ value


def is_trained_on_cpu(qkv: Tensor) -> bool:
    """Tells whether ``HeadByHead`` takes a tensor: its gradient is wanted, on a CPU, in float32 or float64."""
    if not torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing() or not is_allowed('cpu'):
        return False
    plain = type(qkv) is Tensor and qkv.device.type == 'cpu'  # tensors that stand for others are of another type
    return plain and qkv.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled('cpu')


class HeadByHead(torch.autograd.Function):
    """Attention inside windows, one head after the other: nothing is copied, and what is in work stays in the cache."""

    @staticmethod
    def forward(ctx: FunctionCtx, qkv: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
        """Returns (B, L, N, heads D).

        Args:
            ctx: keeps what the gradient needs, the weights among it.
            qkv: (B, L, N, 3, heads, D), queries, keys and values of the N tokens of L windows.
            bias: (heads, N, N).
            mask: (L, N, N), added besides.
        """
        batch, windows, places, _, heads, width = qkv.shape
        tokens = qkv.flatten(0, 1)
        found = tokens.new_empty(batch * windows, places, heads, width)
        weights = tokens.new_empty(heads, batch * windows, places, places)
        for head in range(heads):
            query, key, value = (tokens[:, :, part, head] for part in range(3))
            logits, added = weights[head], bias[head] if mask is None else bias[head] + mask
            logits.view(batch, windows, places, places).copy_(added)
            torch.baddbmm(logits, query, key.mT, alpha=width**-0.5, out=logits)
            torch.softmax(logits, -1, out=logits)
            torch.bmm(logits, value, out=found[:, :, head])
        ctx.save_for_backward(qkv, weights)
        return found.view(batch, windows, places, heads * width)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Returns the gradients of ``qkv`` and ``bias``."""
        qkv, weights = ctx.saved_tensors
        places, heads, width = qkv.shape[2], *qkv.shape[4:]
        tokens, gradient = qkv.flatten(0, 1), gradient.reshape(-1, places, heads, width)
        of_tokens, of_bias = torch.empty_like(tokens), tokens.new_empty(heads, places, places)
        for head in range(heads):
            query, key, value = (tokens[:, :, part, head] for part in range(3))
            of_query, of_key, of_value = (of_tokens[:, :, part, head] for part in range(3))
            torch.bmm(weights[head].mT, gradient[:, :, head], out=of_value)
            logits = torch.bmm(gradient[:, :, head], value.mT)
            logits = torch._softmax_backward_data(logits, weights[head], -1, logits.dtype)
            torch.sum(logits, 0, out=of_bias[head])
            logits *= width**-0.5
            torch.bmm(logits, key, out=of_query)
            torch.bmm(logits.mT, query, out=of_key)
        return of_tokens.view_as(qkv), of_bias, None
