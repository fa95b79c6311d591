"""What a network's attention layers see from one position of an image or a section."""

import os
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmattn.attention.maps import AttentionWatch, SeenAttention
from mmattn.engine.attention_pictures import Picture, inside_input, picture_of, place_in_input
from mmattn.inference.predictor import default_window
from mmattn.seismic import scale_amplitude, to_grey

_ANNOTATIONS = 'LoadAnnotations'


@torch.no_grad()
def look_at_image(model: nn.Module, path: str | os.PathLike, x: int, y: int) -> tuple[list[SeenAttention], Picture]:
    """Runs a network over a whole image and takes the maps of its attention layers.

    Args:
        model: a segmentor as ``mmseg.apis.init_model`` gives it, with its config.
        path: of the image, read by the config's test pipeline.
        x, y: column and row of the position, from 0.

    Returns:
        What each call of a layer does with the position, and what the network was shown, to be drawn.

    Raises:
        FileNotFoundError: if there is no such image.
        ValueError: if it cannot be read, or the position lies outside.
        TypeError: if the model is no encoder-decoder segmentor.
    """
    _check_model(model)
    if not Path(path).is_file():
        raise FileNotFoundError(f'image {str(path)!r} is not a file')
    init_default_scope('mmseg')
    pipeline = Compose([step for step in model.cfg.test_pipeline if step['type'] != _ANNOTATIONS])
    try:
        packed = pipeline(dict(img_path=str(path)))
    except (AssertionError, AttributeError, KeyError, ValueError) as error:  # mmcv asserts that it is a picture
        raise ValueError(f'image {str(path)!r} cannot be read by the test pipeline: {error}') from error
    height, width = packed['data_samples'].metainfo['ori_shape'][:2]
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f'the position must be a column below {width} and a row below {height}, got {x} and {y}')
    return _look(model, packed['inputs'], packed['data_samples'], (y + 0.5) / height, (x + 0.5) / width)


@torch.no_grad()
def look_at_section(
    model: nn.Module, section: np.ndarray, row: int, column: int, *, clip: float
) -> tuple[list[SeenAttention], Picture]:
    """Takes the maps for one point of a section, from the window around it that the network was trained on.

    Args:
        model: a segmentor for salt, as ``mmseg.apis.init_model`` gives it.
        section: (num_samples, num_traces) amplitudes.
        row, column: of the point.
        clip: amplitude of black and white.

    Returns:
        As :func:`look_at_image` does; the picture is the window.

    Raises:
        TypeError: if the model is no encoder-decoder segmentor.
    """
    _check_model(model)
    starts = [
        min(max(at - size // 2, 0), max(length - size, 0))
        for at, size, length in zip((row, column), default_window(model), section.shape)
    ]
    window = section[tuple(slice(start, start + size) for start, size in zip(starts, default_window(model)))]
    grey = torch.from_numpy(to_grey(scale_amplitude(window, clip)).astype(np.float32))
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    inputs = grey[None].expand(first.in_channels if first is not None else 1, -1, -1)
    sample = SegDataSample(metainfo=dict(ori_shape=window.shape, img_shape=window.shape))
    shares = ((at - start + 0.5) / length for at, start, length in zip((row, column), starts, window.shape))
    return _look(model, inputs, sample, *shares)


def _look(
    model: nn.Module, image: Tensor, sample: SegDataSample, down: float, across: float
) -> tuple[list[SeenAttention], Picture]:
    """Runs the network over one image, (C, H, W), and looks from a position in shares of its height and width."""
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]), False)
    inputs, meta = data['inputs'], data['data_samples'][0].metainfo
    size, shown = tuple(inputs.shape[2:]), picture_of(image)
    with AttentionWatch(model) as watch:
        watch.look_at(*place_in_input(meta, size, down, across), size)
        model.encode_decode(inputs, [dict(meta, img_shape=size)])
    row, column = down * shown.shape[0] - 0.5, across * shown.shape[1] - 0.5
    return watch.seen, Picture(shown, row, column, inside_input(meta, size))


def _check_model(model: nn.Module) -> None:
    if not hasattr(model, 'encode_decode') or not hasattr(model, 'data_preprocessor'):
        raise TypeError(f'model must be an EncoderDecoder segmentor of MMSegmentation, got {type(model).__name__}')
