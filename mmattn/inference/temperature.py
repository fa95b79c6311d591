"""The temperature of a network's probabilities: how it is measured with, and where it is kept.

It lies in the checkpoint's ``meta['dataset_meta']['temperature']``, as the amplitude clips do, and so in the
``config.json`` of a saved network. ``TilePredictor`` divides logits by it.
"""

import copy
import os
from pathlib import Path

import numpy as np
from mmengine.runner import CheckpointLoader, save_checkpoint
from scipy.special import logit

from mmattn.common.checks import check_positive
from mmattn.inference.loading import SaltPredictor

_SMALLEST = 1e-6  # of probabilities, and their distance from 1


def salt_logits(model: SaltPredictor, sections: np.ndarray) -> np.ndarray:
    """Returns the logits of salt without a temperature, float32 (N, H, W), of grey sections (N, H, W).

    Probabilities nearer than 1e-6 to 0 or 1 count as that.
    """
    plain = with_temperature(model, 1.0)
    return logit(np.clip(plain.many(sections).astype(np.float64), _SMALLEST, 1 - _SMALLEST)).astype(np.float32)


def with_temperature(model: SaltPredictor, temperature: float) -> SaltPredictor:
    """Returns a predictor with a temperature and the same weights; ``model`` stays as it is.

    Raises:
        ValueError: if it is no positive number.
    """
    check_positive('with_temperature', 'temperature', temperature)
    segmentor = copy.copy(model.segmentor)  # the weights are shared
    meta = dict(getattr(segmentor, 'dataset_meta', None) or {})
    segmentor.dataset_meta = meta | dict(temperature=float(temperature))
    return model.again(segmentor)


def save_temperature(checkpoint: str | os.PathLike, path: str | os.PathLike, temperature: float) -> Path:
    """Writes a checkpoint's weights with a temperature; what resuming a training needs is left out.

    Args:
        checkpoint: file of a training.
        path: to write.
        temperature: above 0.

    Raises:
        ValueError: if it is no positive number.
    """
    check_positive('save_temperature', 'temperature', temperature)
    content = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')
    meta = dict(content.get('meta') or {})
    meta['dataset_meta'] = dict(meta.get('dataset_meta') or {}) | dict(temperature=float(temperature))
    save_checkpoint(dict(meta=meta, state_dict=content.get('state_dict', content)), str(path))
    return Path(path)
