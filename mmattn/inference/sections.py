"""Sections of any size: cut into windows, predicted in batches, blended."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from mmengine.model import is_model_wrapper
from torch import nn

from mmattn.inference.predictor import BATCH_SIZE, TilePredictor, default_window, window_multiple
from mmattn.inference.tiles import AxisTiles, tile_axis

DEFAULT_OVERLAP = 0.25


@dataclass(frozen=True)
class Windows:
    """How sections are cut.

    Args:
        window: (height, width) of a window: samples, traces.
        stride: (height, width) of the largest step between windows, at most the window.
        multiple: windows are shortened to multiples of it where overlap is left over.

    Raises:
        ValueError: if a window is below 1, or a stride does not lie in 1 to the window.
    """

    window: tuple[int, int]
    stride: tuple[int, int]
    multiple: int = 1

    def __post_init__(self) -> None:
        if min(self.window) < 1:
            raise ValueError(f'window must be (height, width) of at least 1, got {self.window}')
        for name, window, stride in zip(('height', 'width'), self.window, self.stride):
            if not 1 <= stride <= window:
                raise ValueError(f'stride must lie in 1 to the window, got {name} of stride {stride}, window {window}')

    def grid(self, num_traces: int, num_samples: int) -> tuple[AxisTiles, AxisTiles]:
        """The windows along the traces and along the samples."""
        return (
            tile_axis(num_traces, self.window[1], self.stride[1], multiple=self.multiple),
            tile_axis(num_samples, self.window[0], self.stride[0], multiple=self.multiple),
        )


def choose_windows(
    model: nn.Module,
    *,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
    stride: tuple[int, int] | None = None,
) -> Windows:
    """Completes what a caller said about windows.

    Args:
        model: the segmentor; its test settings or its training crop give the default window.
        window: (height, width) in samples and traces.
        overlap: share of a window that its neighbour covers too, 0 to 0.9; 0.25 by default.
        stride: (height, width) instead of the overlap.

    Raises:
        ValueError: if a value is out of its range, or both overlap and stride are given.
    """
    while is_model_wrapper(model):
        model = model.module
    if overlap is not None and stride is not None:
        raise ValueError(f'overlap and stride say the same: give one, got overlap {overlap} and stride {stride}')
    window = default_window(model) if window is None else tuple(window)
    if stride is None:
        overlap = DEFAULT_OVERLAP if overlap is None else overlap
        if not 0 <= overlap <= 0.9:
            raise ValueError(f'overlap must lie in 0 to 0.9, got {overlap}')
        stride = tuple(max(1, round(size * (1 - overlap))) for size in window)
    return Windows(window, tuple(stride), window_multiple(model))


def predict_slab(
    predictor: TilePredictor, slab: np.ndarray, windows: Windows, *, live: np.ndarray | None = None, views: int = 1
) -> np.ndarray:
    """Predicts adjacent sections together: batches are filled across them, in one fixed order.

    Args:
        predictor: the network.
        slab: (num_sections, num_traces, num_samples) float32 grey values.
        windows: how sections are cut.
        live: (num_sections, num_traces) bool; windows without a live trace are left out and stay zero.
        views: 1 for the mean over the predictor's views, or the predictor's ``num_views`` for each of them.

    Returns:
        (views, num_sections, num_traces, num_samples) float32 salt probability.
    """
    across, down = windows.grid(*slab.shape[1:])
    shape = across.length, down.length
    result = np.zeros((views, *slab.shape), np.float32)
    for places in _batches(slab.shape[0], across, down, live, predictor.batch_size):
        tiles = np.empty((len(places), *shape), np.float32)
        for tile, (section, column, row) in zip(tiles, places):
            tile[...] = slab[section, _span(across, column), _span(down, row)]
        probability = predictor(tiles)
        if views == 1 and len(probability) > 1:
            probability = probability.mean(axis=0, keepdims=True)
        for number, (section, column, row) in enumerate(places):
            weight = across.weights[column][:, None] * down.weights[row]
            for view in range(views):
                result[view, section, _span(across, column), _span(down, row)] += weight * probability[view, number]
    return np.clip(result, 0, 1, out=result)  # a sum of products may miss 1 by rounding


def predict_section(
    model: nn.Module,
    array: np.ndarray,
    *,
    window: tuple[int, int] | None = None,
    overlap: float | None = None,
    stride: tuple[int, int] | None = None,
    batch_size: int = BATCH_SIZE,
    flip: bool = False,
    amp: bool = False,
    backend: str = 'torch',
) -> np.ndarray:
    """Predicts the probability of salt on one section.

    Args:
        model: a segmentor as ``mmseg.apis.init_model`` gives it; or a ``TilePredictor``, prepared once for many
            sections, whose ``batch_size``, ``flip``, ``amp`` and ``backend`` then count.
        array: (num_samples, num_traces), rows are time as in a picture: grey values as the model was trained on them,
            that is amplitudes through ``mmattn.seismic.to_grey(scale_amplitude(amplitudes, clip))``. Any size.
        window: (height, width); by default the model's (``default_window``).
        overlap: share of a window that its neighbour covers too, 0 to 0.9; 0.25 by default.
        stride: (height, width), instead of ``overlap``.
        batch_size: windows a call of the network.
        flip: average with the prediction of the section with its traces reversed.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU.
        backend: what computes, as of ``TilePredictor``.

    Returns:
        (num_samples, num_traces) float32, 0 to 1.

    Raises:
        ValueError: if the array is not two-dimensional, is empty or holds NaN or infinity, or an option is wrong.
    """
    array = np.asarray(array)
    if array.ndim != 2 or not array.size:
        raise ValueError(f'array must be a section (num_samples, num_traces), got shape {array.shape}')
    if not np.isfinite(array).all():
        raise ValueError('array holds NaN or infinity')
    predictor = model
    if not isinstance(model, TilePredictor):
        predictor = TilePredictor(model, batch_size=batch_size, flip=flip, amp=amp, backend=backend)
    windows = choose_windows(predictor.model, window=window, overlap=overlap, stride=stride)
    slab = np.ascontiguousarray(array.T, dtype=np.float32)[None]
    return np.ascontiguousarray(predict_slab(predictor, slab, windows)[0, 0].T)


def _batches(
    num_sections: int, across: AxisTiles, down: AxisTiles, live: np.ndarray | None, batch_size: int
) -> Iterator[list[tuple[int, int, int]]]:
    """Places of windows, (section, column, row), in batches."""
    places = [
        (section, column, row)
        for section in range(num_sections)
        for column in range(len(across.starts))
        if live is None or live[section, _span(across, column)].any()
        for row in range(len(down.starts))
    ]
    for start in range(0, len(places), batch_size):
        yield places[start : start + batch_size]


def _span(tiles: AxisTiles, number: int) -> slice:
    start = tiles.starts[number]
    return slice(start, start + tiles.length)
