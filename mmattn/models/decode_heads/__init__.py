"""Decode heads built from the attention layers."""

from mmattn.models.decode_heads.attention_head import AttentionHead
from mmattn.models.decode_heads.attention_unet_head import AttentionUNetHead
from mmattn.models.decode_heads.cascaded_upsampler_head import CascadedUpsamplerHead
from mmattn.models.decode_heads.criss_cross_head import CrissCrossHead
from mmattn.models.decode_heads.decode_head import AuxiliaryFCNHead, DecodeHead
from mmattn.models.decode_heads.dual_attention_head import DualAttentionHead
from mmattn.models.decode_heads.feedformer_head import FeedFormerHead
from mmattn.models.decode_heads.fixed_ham_head import FixedHamHead
from mmattn.models.decode_heads.multi_scale_head import MultiScaleHead
from mmattn.models.decode_heads.nonlocal_head import NonLocalHead
from mmattn.models.decode_heads.swin_unet_head import SwinUNetHead
from mmattn.models.decode_heads.umixformer_head import UMixFormerHead
from mmattn.models.decode_heads.velocity_head import VelocityHead

__all__ = [
    'AttentionHead',
    'AttentionUNetHead',
    'AuxiliaryFCNHead',
    'CascadedUpsamplerHead',
    'CrissCrossHead',
    'DecodeHead',
    'DualAttentionHead',
    'FeedFormerHead',
    'FixedHamHead',
    'MultiScaleHead',
    'NonLocalHead',
    'SwinUNetHead',
    'UMixFormerHead',
    'VelocityHead',
]
