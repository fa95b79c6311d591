"""Pretrained weights: reading published files, and what they become for one input channel."""
