"""A neck that lets an attention layer act on each map of a pyramid."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.models.layers import build_layer


@MODELS.register_module()
class AttentionNeck(BaseModule):
    """Applies one attention layer to each map of any pyramid; sizes and channels stay.

    ``AttentionNeck(in_channels=[256, 512, 1024, 2048], attention=[None, None, None, dict(type='CBAM')])`` attends on
    the deepest map of a ResNet-50.

    Args:
        in_channels: channels of each map.
        attention: config of the layer that each map gets, or a config for each map; None leaves a map as it is. The
            layers' ``in_channels`` are filled in here.
        init_cfg: mmengine's initialisation config.

    Raises:
        TypeError: if in_channels is not a sequence, or an entry of attention is neither None nor a config with a type.
        ValueError: if in_channels and attention differ in length, or a config has in_channels of its own.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        attention: dict | Sequence[dict | None] | None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not isinstance(in_channels, Sequence) or isinstance(in_channels, str):
            raise TypeError(f'AttentionNeck: in_channels must be a sequence, one entry a map, got {in_channels!r}')
        if attention is None or isinstance(attention, dict):
            attention = [attention] * len(in_channels)
        if not isinstance(attention, Sequence) or isinstance(attention, str):
            raise TypeError(f'AttentionNeck: attention must be None, a dict or a sequence of them, got {attention!r}')
        if len(attention) != len(in_channels):
            raise ValueError(
                f'AttentionNeck: attention has {len(attention)} entries, in_channels has {len(in_channels)}'
            )
        self.layers = nn.ModuleList(
            build_layer(f'AttentionNeck: attention[{level}]', config, channels)
            for level, (channels, config) in enumerate(zip(in_channels, attention))
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns the maps after attention.

        Args:
            inputs: maps (B, C, H, W), each with its own C, H and W.

        Raises:
            ValueError: if there are more or fewer maps than ``in_channels`` has entries, or channels differ.
        """
        if len(inputs) != len(self.layers):
            raise ValueError(f'AttentionNeck: expected {len(self.layers)} maps, got {len(inputs)}')
        return tuple(layer(x) for layer, x in zip(self.layers, inputs))
