"""Weights of published checkpoints under our names."""

from mmattn.checkpoints.sources import convert_state_dict, list_sources

__all__ = ['convert_state_dict', 'list_sources']
