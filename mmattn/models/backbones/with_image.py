"""An encoder that hands on the image it was given."""

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class WithImage(BaseModule):
    """Puts the image before the maps of a backbone, for a head that works at its resolution.

    ``AttentionUNetHead(image_channels=…)`` takes it as the skip connection of its last block. Pretrained weights are
    the inner backbone's matter (its ``init_cfg``).

    Args:
        backbone: config of the encoder.
    """

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the image, (B, C, H, W), and the backbone's maps."""
        return (x, *self.backbone(x))
