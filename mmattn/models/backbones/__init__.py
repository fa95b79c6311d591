"""Encoders beside MMSegmentation's own."""

from mmattn.models.backbones.attention_unet import AttentionUNet
from mmattn.models.backbones.axial_resnet import AxialResNet
from mmattn.models.backbones.hybrid_vit import HybridViT
from mmattn.models.backbones.inversion_net import InversionNet
from mmattn.models.backbones.lvt import LVT
from mmattn.models.backbones.shot_encoder import ShotEncoder
from mmattn.models.backbones.smt import SMT
from mmattn.models.backbones.swin_unet import SwinUNetEncoder
from mmattn.models.backbones.with_image import WithImage
from mmattn.models.weights.one_channel import PretrainedOneChannel

__all__ = [
    'LVT',
    'SMT',
    'AttentionUNet',
    'AxialResNet',
    'HybridViT',
    'InversionNet',
    'PretrainedOneChannel',
    'ShotEncoder',
    'SwinUNetEncoder',
    'WithImage',
]
