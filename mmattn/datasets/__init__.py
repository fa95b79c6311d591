"""Datasets and transforms for seismic sections; importing this registers them."""

from mmattn.datasets.channels import AddCoordinateChannels, RepeatSection
from mmattn.datasets.loading import AddDepthChannel, LoadSaltAnnotations, LoadSaltSection
from mmattn.datasets.salt import SaltDataset
from mmattn.datasets.segy_salt import SegySaltDataset
from mmattn.datasets.segy_sections import LoadSegySection
from mmattn.datasets.synthetic import SyntheticSaltDataset
from mmattn.datasets.transforms import RandomAmplitude, SingleChannel

__all__ = [
    'AddCoordinateChannels',
    'AddDepthChannel',
    'LoadSaltAnnotations',
    'LoadSaltSection',
    'LoadSegySection',
    'RandomAmplitude',
    'RepeatSection',
    'SaltDataset',
    'SegySaltDataset',
    'SingleChannel',
    'SyntheticSaltDataset',
]
