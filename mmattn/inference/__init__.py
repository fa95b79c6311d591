"""Prediction: sections and volumes of any size, by windows in batches; torch, MMSegmentation's models and SEG-Y."""

from mmattn.inference.loading import SaltPredictor, load
from mmattn.inference.outputs import Outputs
from mmattn.inference.plan import VolumeOptions
from mmattn.inference.predictor import TilePredictor, default_window
from mmattn.inference.sections import predict_section
from mmattn.inference.volume import VolumePrediction, predict_volume

__all__ = [
    'Outputs',
    'SaltPredictor',
    'TilePredictor',
    'VolumeOptions',
    'VolumePrediction',
    'default_window',
    'load',
    'predict_section',
    'predict_volume',
]
