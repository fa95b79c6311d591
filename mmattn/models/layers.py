"""Registers the attention layers in MMSegmentation's registry, so that configs and plugins can name them."""

from mmseg.registry import MODELS
from torch import nn

from mmattn.attention.registry import mechanisms

for _name, _mechanism in mechanisms().items():
    MODELS.register_module(name=_name, module=_mechanism.layer)


def build_layer(option: str, config: dict | None, in_channels: int) -> nn.Module:
    """Builds an attention layer of one input; the identity for None.

    Args:
        option: whose value the config is, for messages.
        config: of the layer, without ``in_channels``.
        in_channels: channels of the map that it gets.

    Raises:
        TypeError: if config is neither None nor a dict with a type, or has an option that the layer lacks.
        ValueError: if it has in_channels of its own, or no layer has that type.
    """
    if config is None:
        return nn.Identity()
    if not isinstance(config, dict) or 'type' not in config:
        raise TypeError(f'{option} must be None or a dict with a type, got {config!r}')
    if 'in_channels' in config:
        raise ValueError(f'{option} may not have in_channels, the network has them: {config!r}')
    return MODELS.build(dict(config, in_channels=in_channels))
