"""Attention layers in plain PyTorch: one mechanism, one file, one function and one thin module."""

from torch import nn

from mmattn.attention.criss_cross import CrissCrossAttention, criss_cross_attention

_LAYERS: dict[str, type[nn.Module]] = {layer.__name__: layer for layer in (CrissCrossAttention,)}


def list_attention() -> list[str]:
    """Returns the names that ``build_attention`` knows, sorted."""
    return sorted(_LAYERS)


def build_attention(name: str, in_channels: int, **options) -> nn.Module:
    """Builds an attention layer by name, without a config.

    Args:
        name: one of ``list_attention()``.
        in_channels: channels of the feature map.
        **options: the layer's own keyword options.

    Returns:
        A module from (B, in_channels, H, W) to the same shape.

    Raises:
        ValueError: if there is no layer of that name.
    """
    if name not in _LAYERS:
        raise ValueError(f'build_attention: no attention layer {name!r}; there are {", ".join(list_attention())}')
    return _LAYERS[name](in_channels, **options)


__all__ = ['CrissCrossAttention', 'build_attention', 'criss_cross_attention', 'list_attention']
