"""What a report says of the network and of how it was used."""

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from mmengine.model import is_model_wrapper
from torch import nn

from mmattn.inference.outputs import Outputs
from mmattn.inference.plan import VolumeOptions, VolumePlan
from mmattn.version import __version__

if TYPE_CHECKING:
    from mmattn.inference.volume import VolumePrediction

_PARTS = 'backbone', 'neck', 'decode_head', 'auxiliary_head'


def describe_prediction(
    model: nn.Module,
    plan: VolumePlan,
    outputs: Outputs,
    options: VolumeOptions,
    result: 'VolumePrediction',
    about: Mapping[str, object],
) -> dict[str, dict[str, object]]:
    """Names and values by heading: the model, the settings.

    Args:
        model: that predicts.
        plan: of the work.
        outputs: what is written.
        options: how it is predicted.
        result: clip and directions.
        about: what else there is to say of the model.
    """
    while is_model_wrapper(model):
        model = model.module
    parts = {
        name: type(getattr(model, name)).__name__
        for name in _PARTS
        if isinstance(getattr(model, name, None), nn.Module)
    }
    named = dict(about) | {name.replace('_', ' '): kind for name, kind in parts.items()}
    named['parameters'] = sum(parameter.numel() for parameter in model.parameters())
    trained = dict((getattr(model, 'dataset_meta', None) or {}).get('amplitude_clip') or {})
    if trained:
        named['trained on'] = ', '.join(f'{name} (clip {clip:.6g})' for name, clip in trained.items())
    settings = {
        'sections': ' and '.join(result.directions),
        'predictions of each sample': len(plan.members),
        'clip': f'{result.clip:.6g}, {result.clip_source}',
        'window, samples and traces': list(plan.windows.window),
        'step of windows': list(plan.windows.stride),
        'flipped too': options.flip,
        'mixed precision': options.amp,
        'threshold': outputs.threshold,
        'smallest body of the mask': outputs.min_body,
        **({} if outputs.hysteresis is None else {'probability that bodies reach': outputs.hysteresis}),
        'holes filled': outputs.fill_holes,
        'device': _device(model),
        **({} if result.backend == 'torch' else {'computed by': result.backend}),
        'PyTorch': torch.__version__,
        'mmattn': __version__,
    }
    return dict(Model=named, Settings=settings)


def data_warnings(result: 'VolumePrediction') -> list[str]:
    """What was odd about the samples."""
    said = []
    if result.num_bad_samples:
        said.append(f'{result.num_bad_samples:,} samples of the input are NaN or infinite and were taken as 0')
    if result.num_null_samples:
        said.append(f'{result.num_null_samples:,} samples of the input are null values; their probability is 0')
    for value, count in result.constant_traces.items():
        said.append(f'{count:,} traces of the input hold {value:g} throughout and were not predicted')
    return said


def _device(model: nn.Module) -> str:
    device = next(model.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else f'CPU, {platform.machine()}'
