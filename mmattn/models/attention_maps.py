"""The maps of attention layers that are parts of backbones, for :mod:`mmattn.attention.maps`."""

import math

import torch
from torch import Tensor

from mmattn.attention.maps import AttentionMap, Place, maps_of
from mmattn.attention.maps.gates import modulation_maps
from mmattn.attention.maps.pairs import head_weights
from mmattn.attention.tokens import to_map
from mmattn.models.blocks import lvt, smt, swin, vit

_GRID = ('head', 'row', 'column')


@maps_of(vit.SelfAttention)
def vit_maps(layer: vit.SelfAttention, place: Place, tokens: Tensor) -> dict[str, AttentionMap]:
    """``weights`` of all tokens; their grid is the one whose shape is nearest to the picture's."""
    size = grid_of(tokens.shape[1], place.height / place.width)
    query = layer.query(tokens[:, _index(place, size)])
    return _weights(head_weights(query, layer.key(tokens), layer.num_heads), size)


@maps_of(smt.SelfAttention)
def smt_maps(layer: smt.SelfAttention, place: Place, tokens: Tensor, size: tuple[int, int]) -> dict[str, AttentionMap]:
    """``weights`` of all tokens."""
    key = layer.key_value(tokens).chunk(2, dim=-1)[0]
    return _weights(head_weights(layer.query(tokens[:, _index(place, size)]), key, layer.num_heads), size)


@maps_of(smt.TokenModulation)
def token_modulation_maps(
    layer: smt.TokenModulation, place: Place, tokens: Tensor, size: tuple[int, int]
) -> dict[str, AttentionMap]:
    """Those of scale-aware modulation."""
    return modulation_maps(layer, place, to_map(tokens, size))


@maps_of(lvt.RecursiveAtrousSelfAttention)
def recursive_atrous_maps(
    layer: lvt.RecursiveAtrousSelfAttention, place: Place, tokens: Tensor, size: tuple[int, int]
) -> dict[str, AttentionMap]:
    """``weights`` of the first application, on the grid that keys are reduced to."""
    source = layer._source(tokens, size)
    key = layer.key_value(source).chunk(2, dim=-1)[0]
    query = layer._query(tokens, size)[:, _index(place, size)]
    reduced = tuple(max(length // layer.reduction, 1) for length in size)
    return _weights(head_weights(query, key, layer.num_heads), reduced)


@maps_of(lvt.ConvolutionalSelfAttention)
def convolutional_maps(
    layer: lvt.ConvolutionalSelfAttention, place: Place, tokens: Tensor, size: tuple[int, int]
) -> dict[str, AttentionMap]:
    """``weights`` summed over the 3x3 windows that hold the position; each of them adds one in all."""
    row, column = place.on(*size)
    attention = layer._attention(to_map(tokens, size))  # (B, L, heads, 9, 9)
    columns, reach = (size[1] + 1) // 2, lvt.WINDOW // 2
    grid = tokens.new_zeros(tokens.shape[0], layer.num_heads, size[0] + 2 * reach, size[1] + 2 * reach)
    for i in range((size[0] + 1) // 2):
        for j in range(columns):
            own = row - (2 * i - reach), column - (2 * j - reach)  # place in the window around (2 i, 2 j)
            if not all(0 <= at < lvt.WINDOW for at in own):
                continue
            weights = attention[:, i * columns + j, :, own[0] * lvt.WINDOW + own[1]].unflatten(-1, (lvt.WINDOW, -1))
            grid[:, :, 2 * i : 2 * i + lvt.WINDOW, 2 * j : 2 * j + lvt.WINDOW] += weights
    return dict(weights=AttentionMap(grid[:, :, reach:-reach, reach:-reach], _GRID, position=True))


@maps_of(swin.SwinBlock)
def swin_maps(layer: swin.SwinBlock, place: Place, x: Tensor) -> dict[str, AttentionMap]:
    """``weights`` inside the position's window, zero elsewhere; padding beyond the map has its share, too."""
    attention, side, (height, width) = layer.attention, layer.window_size, x.shape[1:3]
    shift = layer.shift if min(height, width) > side else 0
    padded = swin.roll(swin.pad_to(layer.norm1(x), side), shift)
    rows, columns = padded.shape[1:3]
    row, column = place.on(height, width)
    row, column = (row - shift) % rows, (column - shift) % columns
    top, left = row // side * side, column // side * side
    own = (row - top) * side + column - left
    window = padded[:, top : top + side, left : left + side].flatten(1, 2)  # (B, M M, C)
    query, key = (part.unflatten(-1, (attention.num_heads, -1)) for part in attention.qkv(window).chunk(3, -1)[:2])
    logits = torch.einsum('bgd,bmgd->bgm', query[:, own], key) * key.shape[-1] ** -0.5 + attention.bias()[:, own]
    if shift:
        number = top // side * (columns // side) + left // side
        logits = logits + swin.shift_mask(padded, side, shift)[number, own]
    grid = logits.new_zeros(*logits.shape[:2], rows, columns)
    grid[:, :, top : top + side, left : left + side] = logits.softmax(-1).unflatten(-1, (side, side))
    grid = grid.roll((shift, shift), (2, 3))[:, :, :height, :width]
    return dict(weights=AttentionMap(grid, _GRID, position=True))


def grid_of(length: int, ratio: float) -> tuple[int, int]:
    """Rows and columns of so many tokens, of all whole grids the one whose height over width is nearest to a ratio."""
    heights = (height for height in range(1, length + 1) if length % height == 0)
    height = min(heights, key=lambda height: abs(math.log(height * height / length / ratio)))
    return height, length // height


def _index(place: Place, size: tuple[int, int]) -> int:
    row, column = place.on(*size)
    return row * size[1] + column


def _weights(weights: Tensor, size: tuple[int, int]) -> dict[str, AttentionMap]:
    return dict(weights=AttentionMap(weights.unflatten(-1, tuple(size)), _GRID, position=True))
