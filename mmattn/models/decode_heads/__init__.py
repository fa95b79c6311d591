"""Decode heads built from the attention layers."""

from mmattn.models.decode_heads.attention_head import AttentionHead
from mmattn.models.decode_heads.criss_cross_head import CrissCrossHead
from mmattn.models.decode_heads.decode_head import DecodeHead

__all__ = ['AttentionHead', 'CrissCrossHead', 'DecodeHead']
