"""Necks built from the attention layers."""

from mmattn.models.necks.attention_neck import AttentionNeck

__all__ = ['AttentionNeck']
