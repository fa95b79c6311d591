"""Decode heads built from the attention layers."""

from mmattn.models.decode_heads.attention_head import AttentionHead
from mmattn.models.decode_heads.criss_cross_head import CrissCrossHead
from mmattn.models.decode_heads.decode_head import DecodeHead
from mmattn.models.decode_heads.dual_attention_head import DualAttentionHead
from mmattn.models.decode_heads.feedformer_head import FeedFormerHead
from mmattn.models.decode_heads.nonlocal_head import NonLocalHead
from mmattn.models.decode_heads.umixformer_head import UMixFormerHead

__all__ = [
    'AttentionHead',
    'CrissCrossHead',
    'DecodeHead',
    'DualAttentionHead',
    'FeedFormerHead',
    'NonLocalHead',
    'UMixFormerHead',
]
