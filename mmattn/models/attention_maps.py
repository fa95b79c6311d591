"""The maps of attention layers that are parts of backbones, for :mod:`mmattn.attention.maps`.

Swin's windows and the local part of LVT have none.
"""

import math

from torch import Tensor

from mmattn.attention.maps import AttentionMap, Place, maps_of
from mmattn.attention.maps.gates import modulation_maps
from mmattn.attention.maps.pairs import head_weights
from mmattn.attention.tokens import to_map
from mmattn.models.blocks import lvt, smt, vit

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
