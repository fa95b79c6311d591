"""What a network's attention layers see from one position of an image."""

import os
from pathlib import Path

import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import nn

from mmattn.attention.maps import AttentionWatch, SeenAttention
from mmattn.engine.attention_pictures import Picture, inside_input, picture_of, place_in_input

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
    if not hasattr(model, 'encode_decode') or not hasattr(model, 'data_preprocessor'):
        raise TypeError(f'model must be an EncoderDecoder segmentor of MMSegmentation, got {type(model).__name__}')
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
    data = model.data_preprocessor(dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]), False)
    inputs, meta = data['inputs'], data['data_samples'][0].metainfo
    size, across, down = tuple(inputs.shape[2:]), (x + 0.5) / width, (y + 0.5) / height
    shown = picture_of(packed['inputs'])
    with AttentionWatch(model) as watch:
        watch.look_at(*place_in_input(meta, size, down, across), size)
        model.encode_decode(inputs, [dict(meta, img_shape=size)])
    row, column = down * shown.shape[0] - 0.5, across * shown.shape[1] - 0.5
    return watch.seen, Picture(shown, row, column, inside_input(meta, size))
