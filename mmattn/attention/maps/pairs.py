"""The weights that one position gives to others: attention by pairs, one query at a time.

Shapes: B images, G heads, D channels of a query and of keys, N = H W positions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.axial import AxialAttention, SingleAxisAttention
from mmattn.attention.channel import ChannelAttention
from mmattn.attention.criss_cross import CrissCrossAttention
from mmattn.attention.dual import DualAttention
from mmattn.attention.inputs import check_feature_map, check_same_batch
from mmattn.attention.maps.core import AttentionMap, Maps, Place, maps_of
from mmattn.attention.mix import MixAttention
from mmattn.attention.non_local import NonLocal, halve
from mmattn.attention.position import PositionAttention
from mmattn.attention.tokens import to_tokens

_GRID = ('head', 'row', 'column')


def head_weights(query: Tensor, key: Tensor, num_heads: int) -> Tensor:
    """Scaled dot-product weights of one query: softmax(<query, key> / sqrt(D)) head by head.

    Args:
        query: (B, G D), head after head.
        key: (B, M, G D).
        num_heads: G.

    Returns:
        (B, G, M).
    """
    query, key = query.unflatten(-1, (num_heads, -1)), key.unflatten(-1, (num_heads, -1))
    return (torch.einsum('bgd,bmgd->bgm', query, key) * query.shape[-1] ** -0.5).softmax(-1)


@maps_of(PositionAttention)
def position_maps(layer: PositionAttention, place: Place, x: Tensor) -> Maps:
    """``weights`` of all positions."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    row, column = place.on(*x.shape[2:])
    query, key = _points(layer.query_conv, x[:, :, row, column]), _points(layer.key_conv, to_tokens(x))
    weights = torch.einsum('bd,bnd->bn', query, key).softmax(-1)
    return dict(weights=_on_grid(weights, x.shape[2:]))


@maps_of(NonLocal)
def non_local_maps(layer: NonLocal, place: Place, x: Tensor) -> Maps:
    """``weights`` of all positions, of the halved grid where keys are halved; in any of the four forms."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    row, column = place.on(*x.shape[2:])
    source, query = halve(x) if layer.pool_first else x, x[:, :, row, column]
    key = source
    if layer.mode != 'gaussian':
        query, key = _points(layer.theta, query), layer.phi(source)
    if layer.sub_sample and not layer.pool_first:
        key = halve(key)
    size, key = key.shape[2:], key.flatten(2)  # (B, D, M)
    if layer.mode == 'concatenation':
        of_query, of_key = layer.concat_weight.chunk(2)
        weights = (query @ of_query[:, None] + (of_key[None] @ key).squeeze(1)).relu() / key.shape[2]
    else:
        products = torch.einsum('bd,bdm->bm', query, key)
        weights = products / key.shape[2] if layer.mode == 'dot_product' else (layer.scale * products).softmax(-1)
    return dict(weights=_on_grid(weights, size))


@maps_of(CrissCrossAttention)
def criss_cross_maps(layer: CrissCrossAttention, place: Place, x: Tensor) -> Maps:
    """``weights`` on row and column, zero elsewhere; ``through`` all applications the products of their weights."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    pairs = []
    for number in range(layer.recurrence):
        x = layer._add_attended(x) if number else x
        pairs.append((layer.query_conv(x), layer.key_conv(x)))
    share = x.new_zeros(x.shape[0], *x.shape[2:])
    row, column = place.on(*x.shape[2:])
    share[:, row, column] = 1
    maps = {}
    for number, pair in enumerate(reversed(pairs)):
        share = _hand_on(share, *pair)
        maps['through' if number else 'weights'] = AttentionMap(share[:, None], _GRID, position=True)
    return maps


def _hand_on(share: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Hands what positions hold, (B, H, W), on to their rows and columns by criss-cross weights, row after row."""
    height, result = share.shape[1], torch.zeros_like(share)
    for row in range(height):
        columns = share[:, row].any(0).nonzero()[:, 0]
        if not columns.numel():
            continue
        here = query[:, :, row, columns]  # (B, D, W'), of those that hold something
        up_down = torch.einsum('bdw,bdhw->bwh', here, key[..., columns])
        up_down[..., row] = float('-inf')  # the row counts the position itself
        across = torch.einsum('bdw,bdv->bwv', here, key[:, :, row])
        weights = torch.cat([up_down, across], dim=-1).softmax(-1) * share[:, row, columns, None]
        result[:, :, columns] += weights[..., :height].mT
        result[:, row] += weights[..., height:].sum(1)
    return result


@maps_of(ChannelAttention)
def channel_maps(layer: ChannelAttention, place: Place, x: Tensor) -> Maps:
    """``channel pairs``: the weights that each channel gives to each, the same for all positions."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    gram = x.flatten(2) @ x.flatten(2).mT
    weights = (gram.amax(-1, keepdim=True) - gram).softmax(-1)
    return {'channel pairs': AttentionMap(weights, ('channel', 'other channel'))}


@maps_of(DualAttention)
def dual_maps(layer: DualAttention, place: Place, x: Tensor) -> Maps:
    """Those of position and channel attention."""
    return position_maps(layer.position, place, x) | channel_maps(layer.channel, place, x)


@maps_of(SingleAxisAttention)
def single_axis_maps(layer: SingleAxisAttention, place: Place, x: Tensor) -> Maps:
    """``columns`` or ``rows``: the weights of each head along the position's column or row, zero elsewhere."""
    row, column = place.on(*x.shape[2:])
    if layer.axis == 'height':
        return dict(columns=_lines(_axial_weights(layer, x[..., column : column + 1], row), x, column=column))
    return dict(rows=_lines(_axial_weights(layer, x[:, :, row : row + 1], column), x, row=row))


@maps_of(AxialAttention)
def axial_maps(layer: AxialAttention, place: Place, x: Tensor) -> Maps:
    """``columns`` of the first step and ``rows`` of the second at the position; ``through`` both.

    The last is the product of a head's weights along the row with the mean weights, over heads, that each position of
    the row gives along its column: the second step mixes the first one's heads.
    """
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    row, column = place.on(*x.shape[2:])
    first = _axial_weights(layer.height, x, row)  # (B, W, G, H) of the positions of the row
    second = _axial_weights(layer.width, layer.height(x)[:, :, row : row + 1], column)  # (B, 1, G, W)
    through = torch.einsum('bgw,bwh->bghw', second[:, 0], first.mean(2))
    return dict(
        columns=_lines(first[:, column : column + 1], x, column=column),
        rows=_lines(second, x, row=row),
        through=AttentionMap(through, _GRID, position=True),
    )


def _axial_weights(layer: SingleAxisAttention, x: Tensor, index: int) -> Tensor:
    """Weights of the queries with one index on their lines, (B, lines, G, L)."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    lines = x.permute(0, 3, 1, 2) if layer.axis == 'height' else x.permute(0, 2, 1, 3)  # (B, lines, C, L)
    several, length = lines.shape[:2], lines.shape[3]
    depth, reach = layer.key_channels, layer.relative.shape[1] // 2
    heads = layer.bn_qkv(layer.qkv_transform(lines.flatten(0, 1))).unflatten(1, (layer.num_heads, -1))
    query, key = heads[:, :, :depth, index], heads[:, :, depth : 2 * depth]  # (B lines, G, D) and (…, L)
    ahead = torch.arange(length, device=x.device) - index  # of the keys
    behind = layer.relative[:depth, reach - ahead.clamp(-reach, reach)]  # (D, L)
    before = layer.relative[depth : 2 * depth, reach + ahead.clamp(-reach, reach)]
    parts = [
        torch.einsum('bgd,bgdj->bgj', query, key),
        torch.einsum('bgd,dj->bgj', query, behind),
        torch.einsum('bgdj,dj->bgj', key, before),
    ]
    logits = layer.bn_similarity(torch.cat(parts, dim=1)[:, :, None]).squeeze(2)
    logits = logits.unflatten(1, (3, layer.num_heads)).sum(1)
    if length > reach + 1:
        seen = (ahead >= -((layer.span - 1) // 2)) & (ahead <= layer.span // 2)
        logits = logits.masked_fill(~seen, float('-inf'))
    return logits.softmax(-1).unflatten(0, several)


def _lines(weights: Tensor, x: Tensor, *, row: int | None = None, column: int | None = None) -> AttentionMap:
    """Puts the weights of one line, (B, 1, G, L), on the grid of ``x``."""
    grid = weights.new_zeros(x.shape[0], weights.shape[2], *x.shape[2:])
    if row is None:
        grid[..., column] = weights[:, 0]
    else:
        grid[:, :, row] = weights[:, 0]
    return AttentionMap(grid, _GRID, position=True)


@maps_of(MixAttention)
def mix_maps(layer: MixAttention, place: Place, x: Tensor, keys: Tensor) -> Maps:
    """``weights`` of the keys' positions for each head; of reduced queries those between which the position lies."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    check_feature_map(f'{type(layer).__name__} keys', keys, layer.key_channels)
    check_same_batch(type(layer).__name__, x, 'map of keys', keys)
    row, column = place.on(*x.shape[2:])
    key = layer.key_value(F.gelu(layer.key_norm(to_tokens(keys))))[..., : layer.in_channels]
    if layer.query_reduction == 1:
        return dict(weights=_on_grid(_query_weights(layer, x[:, :, row, column], key), keys.shape[2:]))
    reduced, weights = layer._reduce(x), 0
    shares = (
        _between(reduced.shape[axis], x.shape[axis], at, layer.align_corners, x) for axis, at in ((2, row), (3, column))
    )
    shares = torch.outer(*shares)
    for i, j in shares.nonzero().tolist():
        weights = weights + shares[i, j] * _query_weights(layer, reduced[:, :, i, j], key)
    return dict(weights=_on_grid(weights, keys.shape[2:]))


def _query_weights(layer: MixAttention, x: Tensor, key: Tensor) -> Tensor:
    return head_weights(layer.query(x), key, layer.num_heads)


def _between(short: int, length: int, at: int, align_corners: bool, like: Tensor) -> Tensor:
    """(short,) shares of the points of an axis in one point of it, enlarged linearly to ``length``."""
    points = torch.eye(short, dtype=like.dtype, device=like.device)[None]
    return F.interpolate(points, size=length, mode='linear', align_corners=align_corners)[0, :, at]


def _points(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Applies a 1x1 convolution to (…, C)."""
    return F.linear(x, conv.weight.flatten(1), conv.bias)


def _on_grid(weights: Tensor, size: torch.Size) -> AttentionMap:
    """(B, N) or (B, G, N) on the grid of ``size``."""
    weights = weights[:, None] if weights.dim() == 2 else weights
    return AttentionMap(weights.unflatten(-1, tuple(size)), _GRID, position=True)
