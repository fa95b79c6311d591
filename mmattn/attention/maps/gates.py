"""What features are multiplied by: gates of channels, of positions, and of both."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.attention.cbam import _POOLS, CBAM, describe_positions, gate_channels
from mmattn.attention.coordinate import CoordinateAttention, describe_coordinates
from mmattn.attention.efficient_channel import EfficientChannelAttention
from mmattn.attention.gate import AttentionGate
from mmattn.attention.gating import channel_logits
from mmattn.attention.inputs import check_feature_map
from mmattn.attention.maps.core import AttentionMap, Maps, Place, maps_of
from mmattn.attention.scale_aware_modulation import ScaleAwareModulation
from mmattn.attention.scse import SCSE
from mmattn.attention.squeeze_excitation import _GATES, SqueezeExcitation

_GRID = ('head', 'row', 'column')


@maps_of(SqueezeExcitation)
def squeeze_excitation_maps(layer: SqueezeExcitation, place: Place, x: Tensor) -> Maps:
    """``channels``: the gate of each."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    return dict(channels=_channels(_GATES[layer.gate](channel_logits(x.mean((2, 3)), layer.fc1, layer.fc2))))


@maps_of(EfficientChannelAttention)
def efficient_channel_maps(layer: EfficientChannelAttention, place: Place, x: Tensor) -> Maps:
    """``channels``: the gate of each."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    return dict(channels=_channels(layer.conv(x.mean((2, 3))[:, None])[:, 0].sigmoid()))


@maps_of(CBAM)
def cbam_maps(layer: CBAM, place: Place, x: Tensor) -> Maps:
    """``channels``, and ``positions`` where there is a spatial gate: the gate of each."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    pooled = torch.stack([_POOLS[kind](x, x.dtype) for kind in layer.pool_types])
    maps = dict(channels=_channels(channel_logits(pooled, layer.fc1, layer.fc2).sum(0).sigmoid()))
    if not layer.no_spatial:
        x = gate_channels(x, layer.fc1, layer.fc2, pool_types=layer.pool_types)
        maps['positions'] = AttentionMap(layer.norm(layer.conv(describe_positions(x))).sigmoid(), _GRID)
    return maps


@maps_of(SCSE)
def scse_maps(layer: SCSE, place: Place, x: Tensor) -> Maps:
    """``channels`` and ``positions``: the gate of each."""
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    channels = channel_logits(x.mean((2, 3)), layer.fc1, layer.fc2).sigmoid()
    return dict(channels=_channels(channels), positions=AttentionMap(layer.conv(x).sigmoid(), _GRID))


@maps_of(CoordinateAttention)
def coordinate_maps(layer: CoordinateAttention, place: Place, x: Tensor) -> Maps:
    """``row gates`` and ``column gates`` of each channel, their products ``channels`` at the position.

    ``positions`` is the mean of the products over the channels.
    """
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    height = x.shape[2]
    hidden = F.hardswish(layer.bn1(layer.conv1(describe_coordinates(x, dtype=x.dtype))))
    rows = layer.conv_h(hidden[:, :, :height]).sigmoid()[..., 0]  # (B, C, H)
    columns = layer.conv_w(hidden[:, :, height:]).sigmoid()[..., 0]  # (B, C, W)
    row, column = place.on(*x.shape[2:])
    positions = torch.einsum('bch,bcw->bhw', rows, columns)[:, None] / x.shape[1]
    return {
        'row gates': AttentionMap(rows, ('channel', 'row')),
        'column gates': AttentionMap(columns, ('channel', 'column')),
        'channels': AttentionMap(rows[..., row] * columns[..., column], ('channel',), position=True),
        'positions': AttentionMap(positions, _GRID),
    }


@maps_of(AttentionGate)
def attention_gate_maps(layer: AttentionGate, place: Place, x: Tensor, gate: Tensor) -> Maps:
    """``positions``: the coefficient of each, of volumes in each depth (as heads)."""
    coefficients = layer.coefficients(x, gate)
    return dict(positions=AttentionMap(coefficients[:, 0] if layer.dims == 3 else coefficients, _GRID))


@maps_of(ScaleAwareModulation)
def modulation_maps(layer: ScaleAwareModulation, place: Place, x: Tensor) -> Maps:
    """``channels``: the modulator at the position; ``positions``: its mean size over channels.

    It is no share and no gate: any number, of either sign.
    """
    check_feature_map(type(layer).__name__, x, layer.in_channels)
    modulator = layer.modulator(x)
    row, column = place.on(*x.shape[2:])
    return dict(
        channels=_channels(modulator[:, :, row, column], position=True),
        positions=AttentionMap(modulator.abs().mean(1, keepdim=True), _GRID),
    )


def _channels(gates: Tensor, *, position: bool = False) -> AttentionMap:
    return AttentionMap(gates, ('channel',), position=position)
