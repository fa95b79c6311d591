"""Axial attention line by line: long lines in pieces, and the similarities held as briefly as can be."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.kernels.axial.lines import cut_lines, is_itself
from mmattn.kernels.axial.products import gather
from mmattn.kernels.axial.similarities import normalised_logits
from mmattn.kernels.context import is_exporting

_VECTOR = 16  # numbers of float32 that the widest CPU takes at once


def takes(query: Tensor, key: Tensor, value: Tensor, relative: Tensor, norm: nn.BatchNorm2d, span: int) -> bool:
    """Always, but for traces, whose exporters do not know its operators."""
    return not torch.jit.is_tracing()


def attend(
    query: Tensor, key: Tensor, value: Tensor, relative: Tensor, norm: nn.BatchNorm2d, span: int
) -> tuple[Tensor, Tensor]:
    """Attends along lines as ``mmattn.attention.axial_attention`` says.

    Args:
        query: (B, G, D, L).
        key: (B, G, D, L).
        value: (B, G, V, L).
        relative: (2 D + V, 2 K - 1).
        norm: of the 3 G similarities.
        span: number of keys around a query that it sees, on lines longer than K.

    Returns:
        Two (B, G, V, L): the sums over keys of the weights times the values, and times the relative positions.
    """
    length, dtype = query.shape[-1], value.dtype
    wide = torch.promote_types(torch.promote_types(dtype, norm.weight.dtype), torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        pieces = cut_lines(query.to(wide), key.to(wide), value, relative, span)
        logits = normalised_logits(pieces, norm)
        if pieces.valid is not None:
            # A padded query sees itself, padding too: a row without any key would be NaN, and so its gradient.
            logits.masked_fill_(~(pieces.valid | is_itself(pieces.valid, span)), float('-inf'))
        weights = _softmax(logits).to(dtype)
        content, position = gather(weights, pieces.value, pieces.value_table)
    content, position = (x.transpose(2, 3).flatten(3)[..., :length] for x in (content, position))
    return content, position


def _softmax(logits: Tensor) -> Tensor:
    """Softmax over the last axis; PyTorch's takes five times as long on a CPU where that is below a vector's width."""
    length = logits.shape[-1]
    if is_exporting() or logits.device.type != 'cpu' or length >= _VECTOR:
        return logits.softmax(-1)
    return F.pad(logits, (0, _VECTOR - length), value=float('-inf')).softmax(-1)[..., :length]
