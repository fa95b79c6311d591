"""Datasets and transforms for seismic sections; importing this registers them."""

from mmattn.datasets.loading import AddDepthChannel, LoadSaltAnnotations
from mmattn.datasets.salt import SaltDataset
from mmattn.datasets.synthetic import SyntheticSaltDataset
from mmattn.datasets.transforms import RandomAmplitude, SingleChannel

__all__ = [
    'AddDepthChannel',
    'LoadSaltAnnotations',
    'RandomAmplitude',
    'SaltDataset',
    'SingleChannel',
    'SyntheticSaltDataset',
]
