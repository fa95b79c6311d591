"""Datasets and transforms for seismic sections, shot gathers and velocity models; importing this registers them."""

from mmattn.datasets.channels import AddCoordinateChannels, RepeatSection
from mmattn.datasets.loading import AddDepthChannel, LoadSaltAnnotations, LoadSaltSection
from mmattn.datasets.salt import SaltDataset
from mmattn.datasets.segy_salt import SegySaltDataset
from mmattn.datasets.segy_sections import LoadSegySection
from mmattn.datasets.shot_loading import LoadShots, LoadVelocity, PackVelocityInputs
from mmattn.datasets.shot_transforms import (
    AddShotNoise,
    DecimateTime,
    DropTraces,
    FlipLine,
    GainShots,
    MuteDirect,
)
from mmattn.datasets.synthetic import SyntheticSaltDataset
from mmattn.datasets.transforms import RandomAmplitude, RandomSurvey, SingleChannel
from mmattn.datasets.velocity import SaltVelocityDataset, SyntheticVelocityDataset
from mmattn.datasets.warps import RandomWarp

__all__ = [
    'AddCoordinateChannels',
    'AddDepthChannel',
    'AddShotNoise',
    'DecimateTime',
    'DropTraces',
    'FlipLine',
    'GainShots',
    'LoadSaltAnnotations',
    'LoadSaltSection',
    'LoadSegySection',
    'LoadShots',
    'LoadVelocity',
    'MuteDirect',
    'PackVelocityInputs',
    'RandomAmplitude',
    'RandomSurvey',
    'RandomWarp',
    'RepeatSection',
    'SaltDataset',
    'SaltVelocityDataset',
    'SegySaltDataset',
    'SingleChannel',
    'SyntheticSaltDataset',
    'SyntheticVelocityDataset',
]
