"""Weights of published checkpoints under our names."""

from mmattn.checkpoints.convert import Conversion
from mmattn.checkpoints.sources import convert_checkpoint, convert_state_dict, list_sources

__all__ = ['Conversion', 'convert_checkpoint', 'convert_state_dict', 'list_sources']
