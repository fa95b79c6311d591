"""The attention layers by name."""

import inspect

from torch import nn

from mmattn.attention.axial import AxialAttention
from mmattn.attention.cbam import CBAM
from mmattn.attention.channel import ChannelAttention
from mmattn.attention.coordinate import CoordinateAttention
from mmattn.attention.criss_cross import CrissCrossAttention
from mmattn.attention.dual import DualAttention
from mmattn.attention.gate import AttentionGate
from mmattn.attention.mix import MixAttention
from mmattn.attention.non_local import NonLocal
from mmattn.attention.position import PositionAttention
from mmattn.attention.scale_aware_modulation import ScaleAwareModulation
from mmattn.attention.scse import SCSE
from mmattn.attention.squeeze_excitation import SqueezeExcitation
from mmattn.common.names import did_you_mean

_LAYERS: dict[str, type[nn.Module]] = {
    layer.__name__: layer
    for layer in (
        AxialAttention,
        CBAM,
        ChannelAttention,
        CoordinateAttention,
        CrissCrossAttention,
        DualAttention,
        NonLocal,
        PositionAttention,
        ScaleAwareModulation,
        SCSE,
        SqueezeExcitation,
    )
}
_TWO_INPUTS: dict[str, type[nn.Module]] = {layer.__name__: layer for layer in (AttentionGate, MixAttention)}


def list_attention() -> list[str]:
    """Returns the names of the layers of one input, sorted: each maps (B, C, H, W) to the same shape."""
    return sorted(_LAYERS)


def build_attention(name: str, in_channels: int, **options) -> nn.Module:
    """Builds an attention layer by name, without a config.

    Args:
        name: one of ``list_attention()``, or of the layers of two inputs, ``AttentionGate`` and ``MixAttention``.
        in_channels: channels of the feature map.
        **options: the layer's own options, ``gate_channels`` and ``key_channels`` of the second input among them.

    Returns:
        A module from (B, in_channels, H, W) to the same shape.

    Raises:
        ValueError: if there is no layer of that name, or an option has a wrong value.
        TypeError: if the layer has no such option, or needs one that is not there.
    """
    layers = _LAYERS | _TWO_INPUTS
    if name not in layers:
        known = f'{", ".join(list_attention())}; with two inputs {", ".join(_TWO_INPUTS)}'
        raise ValueError(f'build_attention: no attention layer {name!r}{did_you_mean(name, layers)}; there are {known}')
    allowed = list(inspect.signature(layers[name]).parameters)[1:]
    for option in options:
        if option not in allowed:
            raise TypeError(
                f'build_attention: {name} has no option {option!r}{did_you_mean(option, allowed)}; '
                f'there are {", ".join(allowed) or "none"}'
            )
    return layers[name](in_channels, **options)
