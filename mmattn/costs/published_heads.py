"""Multiply-adds of the published heads of U-MixFormer and FeedFormer, as mmengine's analysis counts them.

Published figures come from mmengine's ``get_model_complexity_info``, which counts convolutions and matrix products and
besides 5 for each element of a layer normalisation, 2 of a batch normalisation and 4 of a bilinear enlargement; it
follows a trace, so what the published heads compute and then throw away counts nothing. The published heads enlarge
the levels before they join them, ours after. So what the published heads cost is computed here from their equations
(https://arxiv.org/abs/2312.06272 and https://github.com/jhshim1995/FeedFormer), and what ours cost is counted by
``mmattn.costs.complexity``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LAYER_NORM, BATCH_NORM, ENLARGE = 5, 2, 4  # counted for each element
_MIX_RATIOS = (8, 4, 2, 1)  # windows in the mixture of levels, shallowest level first
_LOW_RATIOS = (2, 4, 8)  # windows of the first level as levels 2, 3 and 4 see it


@dataclass(frozen=True)
class HeadShape:
    """What decides the cost of a head.

    Args:
        channels: of the four levels, shallowest first.
        positions: H W of the four levels.
        embed_dims: channels that the classifier sees.
        num_classes: channels of the logits.
        reduced: whether it is the form for Cityscapes, with queries from 2x2 windows and keys from doubled ones.
    """

    channels: Sequence[int]
    positions: Sequence[int]
    embed_dims: int
    num_classes: int
    reduced: bool = False


def published_multiply_adds(head: str, shape: HeadShape) -> int:
    """Returns the multiply-adds of a published head for one image whose sides are multiples of 64.

    Args:
        head: 'UMixFormerHead' or 'FeedFormerHead'.
        shape: of the head and its inputs.

    Raises:
        ValueError: for another head.
    """
    if head not in _STAGES:
        raise ValueError(f'head must be one of {", ".join(_STAGES)}, got {head!r}')
    return _STAGES[head](shape) + _fusion(shape)


def published_unused_parameters(head: str, shape: HeadShape) -> int:
    """Returns how many parameters of a published head reach no output.

    Both have the classifier of MMSegmentation's base class beside their own. U-MixFormer has a convolution of the keys
    in each stage, in the form for ADE20K with its normalisation.

    Raises:
        ValueError: for another head.
    """
    if head not in _STAGES:
        raise ValueError(f'head must be one of {", ".join(_STAGES)}, got {head!r}')
    if head == 'FeedFormerHead':
        return (128 + 1) * shape.num_classes
    total = sum(shape.channels)
    return (256 + 1) * shape.num_classes + 4 * (total * total + total + (0 if shape.reduced else 2 * total))


def _attention(channels: int, queries: int, keys: int, key_channels: int) -> int:
    """Projections, both products of the attention and the projection of what is found."""
    return 2 * queries * channels**2 + 2 * keys * key_channels * channels + 2 * queries * keys * channels


def _feed_forward(channels: int, positions: int) -> int:
    """Two linear layers around a depthwise 3x3 convolution of four times the channels."""
    return positions * (8 * channels**2 + 9 * 4 * channels)


def _query_reduction(channels: int, positions: int) -> int:
    """Extra work of the form for Cityscapes: its convolution and normalisation, and the enlarging at the end."""
    reduced = positions // 4
    return reduced * channels**2 + channels * (LAYER_NORM * reduced + ENLARGE * positions)


def _umixformer(shape: HeadShape) -> int:
    total, keys = sum(shape.channels), shape.positions[3] // (4 if shape.reduced else 1)
    pooled = [c for c, ratio in zip(shape.channels, _MIX_RATIOS) if ratio > 1 or shape.reduced]
    count = 4 * keys * sum(c * c for c in pooled)  # one mixture a stage
    for channels, positions in zip(shape.channels, shape.positions):
        queries = positions // 4 if shape.reduced else positions
        count += _attention(channels, queries, keys, total) + _feed_forward(channels, positions)
        count += LAYER_NORM * (2 * positions * channels + (2 if shape.reduced else 1) * keys * total)
        count += _query_reduction(channels, positions) if shape.reduced else 0
    return count


def _feedformer(shape: HeadShape) -> int:
    count, first = 0, shape.channels[0]
    for channels, positions, ratio in zip(shape.channels[1:], shape.positions[1:], _LOW_RATIOS):
        queries = positions // 4 if shape.reduced else positions
        keys = shape.positions[0] // (2 * ratio if shape.reduced else ratio) ** 2
        count += keys * first**2 + _attention(channels, queries, keys, first) + _feed_forward(channels, positions)
        count += LAYER_NORM * (2 * positions * channels + shape.positions[0] * first + keys * first)
        count += _query_reduction(channels, positions) if shape.reduced else 0
    return count


def _fusion(shape: HeadShape) -> int:
    """The levels enlarged, joined, convolved, normalised and classified."""
    positions = shape.positions[0]
    products = positions * shape.embed_dims * (sum(shape.channels) + shape.num_classes)
    return products + positions * (ENLARGE * sum(shape.channels[1:]) + BATCH_NORM * shape.embed_dims)


_STAGES = {'UMixFormerHead': _umixformer, 'FeedFormerHead': _feedformer}
