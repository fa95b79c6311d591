"""Fits a network to a survey without labels: statistics of batch normalisation from the survey's own sections."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmattn.inference.loading import SaltPredictor

_LEAST = 16  # windows


def adapt(
    model: SaltPredictor, sections: Sequence[np.ndarray], *, num_windows: int = 400, batch_size: int = 32, seed: int = 0
) -> SaltPredictor:
    """Returns a predictor whose batch normalisation has the statistics of unlabelled sections.

    Li, Wang, Shi, Liu and Hou, "Revisiting Batch Normalization for Practical Domain Adaptation", ICLR Workshop 2017.
    Weights stay as they are, and so does ``model``. It helps where the survey looks unlike the training's and is
    represented by what is given: sections with salt and without, from everywhere.

    Args:
        model: of a network with batch normalisation.
        sections: grey values of 0 to 255, (H, W) each. They are cut into windows of the model's, beside each other;
            what is smaller is a window.
        num_windows: how many windows at most, chosen at random.
        batch_size: windows whose statistics are taken together.
        seed: of the choice.

    Raises:
        ValueError: if the network has no batch normalisation, or there are fewer than 16 windows of one size.
    """
    segmentor = copy.deepcopy(model.segmentor).eval()
    layers = [module for module in segmentor.modules() if isinstance(module, _BatchNorm)]
    if not layers:
        raise ValueError(f'{type(segmentor.backbone).__name__} has no batch normalisation to adapt')
    windows = [window for section in sections for window in _windows(np.asarray(section), model.window)]
    shapes = [window.shape for window in windows]
    usual = max(set(shapes), key=shapes.count) if shapes else None
    windows = [window for window in windows if window.shape == usual]
    if len(windows) < _LEAST:
        raise ValueError(f'sections must give at least {_LEAST} windows of one size, got {len(windows)}')
    order = np.random.default_rng(seed).permutation(len(windows))[:num_windows]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
        layer.train()
    channels = model.in_channels
    for start in range(0, len(order) - _LEAST + 1, batch_size):
        chosen = np.stack([windows[index] for index in order[start : start + batch_size]]).astype(np.float32)
        _forward(segmentor, torch.from_numpy(chosen)[:, None].expand(-1, channels, -1, -1))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return model.again(segmentor.eval())


@torch.no_grad()
def _forward(segmentor: nn.Module, images: torch.Tensor) -> None:
    shape = tuple(images.shape[2:])
    samples = [SegDataSample(metainfo=dict(ori_shape=shape, img_shape=shape)) for _ in images]
    device = next(segmentor.parameters()).device
    data = segmentor.data_preprocessor(dict(inputs=list(images.to(device)), data_samples=samples), False)
    size = tuple(data['inputs'].shape[2:])
    segmentor.encode_decode(data['inputs'], [dict(one.metainfo, img_shape=size) for one in data['data_samples']])


def _windows(section: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    if section.ndim != 2:
        raise ValueError(f'sections must be (H, W) each, got shape {section.shape}')
    height, width = (min(*pair) for pair in zip(size, section.shape))
    return [
        section[row : row + height, column : column + width]
        for row in range(0, section.shape[0] - height + 1, height)
        for column in range(0, section.shape[1] - width + 1, width)
    ]
