"""Pictures of a predicted salt volume: slices with outline and probability, the histogram of the probability."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from skimage.measure import find_contours

from mmattn.seismic.salt.overlays import PREDICTION_COLOR, grey_limits

_PROBABILITY_COLORS = 'cividis'


@dataclass(frozen=True)
class Slice:
    """One slice to draw.

    Args:
        amplitude: (H, W).
        probability: (H, W), 0 to 1.
        mask: (H, W), salt where not 0.
        title: written above.
        across: name of the horizontal axis and the (W,) numbers of its columns.
        down: name of the vertical axis and the (H,) numbers of its rows.
    """

    amplitude: np.ndarray
    probability: np.ndarray
    mask: np.ndarray
    title: str
    across: tuple[str, np.ndarray]
    down: tuple[str, np.ndarray]


def save_slices(slices: Sequence[Slice], path: Path, *, dpi: int = 120) -> None:
    """Draws each slice as a row: the amplitudes in symmetric grey with the mask's outline, and the probability.

    Args:
        slices: at least one.
        path: of the PNG.
        dpi: pixels an inch.
    """
    figure = Figure(figsize=(10, 3.6 * len(slices) + 0.5), layout='constrained')
    rows = figure.subplots(len(slices), 2, squeeze=False)
    black, white = grey_limits(np.concatenate([one.amplitude.ravel() for one in slices]), center=0.0)
    for (left, right), one in zip(rows, slices):
        extent = _extent(one)
        left.imshow(one.amplitude, cmap='gray', vmin=black, vmax=white, aspect='auto', extent=extent)
        right.imshow(one.probability, cmap=_PROBABILITY_COLORS, vmin=0, vmax=1, aspect='auto', extent=extent)
        _outline(left, one)
        for ax in (left, right):
            ax.set_xlabel(one.across[0], fontsize=9)
            ax.tick_params(labelsize=8)
            ax.locator_params(integer=True, nbins=6)
        left.set_ylabel(one.down[0], fontsize=9)
        left.set_title(one.title, fontsize=10, loc='left')
    rows[0, 0].legend(
        handles=[Line2D([], [], color=PREDICTION_COLOR, linewidth=2, label='predicted salt')],
        loc='lower right',
        fontsize=8,
    )
    colors = ScalarMappable(norm=Normalize(0, 1), cmap=_PROBABILITY_COLORS)
    figure.colorbar(colors, ax=rows[:, 1].tolist(), label='salt probability', shrink=0.6)
    figure.savefig(path, dpi=dpi)


def save_histogram(counts: np.ndarray, path: Path, *, threshold: float, dpi: int = 120) -> None:
    """Draws how many samples have which probability, on a logarithmic scale.

    Args:
        counts: (N,) samples in equal bins from 0 to 1.
        path: of the PNG.
        threshold: marked by a line.
        dpi: pixels an inch.
    """
    figure = Figure(figsize=(6, 3.4), layout='constrained')
    ax = figure.subplots()
    edges = np.linspace(0, 1, len(counts) + 1)
    ax.stairs(counts, edges, fill=True, color='0.45')
    ax.axvline(threshold, color=PREDICTION_COLOR, linewidth=2, label=f'threshold {threshold:g}')
    ax.set(xlabel='salt probability', ylabel='samples', xlim=(0, 1))
    if counts.any():
        ax.set_yscale('log')
    ax.spines[['top', 'right']].set_visible(False)
    ax.legend(fontsize=8)
    figure.savefig(path, dpi=dpi)


def save_map(
    values: np.ndarray, xlines: np.ndarray, ilines: np.ndarray, path: Path, *, label: str, dpi: int = 120
) -> None:
    """Draws what each trace has, seen from above.

    Args:
        values: (I, X).
        xlines, ilines: (X,) and (I,) line numbers.
        path: of the PNG.
        label: of the values.
        dpi: pixels an inch.
    """
    figure = Figure(figsize=(7, 5), layout='constrained')
    ax = figure.subplots()
    extent = _edges(xlines) + _edges(ilines)[::-1]
    shown = ax.imshow(values, cmap=_PROBABILITY_COLORS, aspect='auto', extent=extent, interpolation='nearest')
    ax.set(xlabel='crossline', ylabel='inline')
    ax.locator_params(integer=True, nbins=6)
    figure.colorbar(shown, ax=ax, label=label)
    figure.savefig(path, dpi=dpi)


def _extent(one: Slice) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the picture, so that each number stands at the centre of its column or row."""
    return _edges(one.across[1]) + _edges(one.down[1])[::-1]


def _edges(numbers: np.ndarray) -> tuple[float, float]:
    half = (float(numbers[-1]) - float(numbers[0])) / max(len(numbers) - 1, 1) / 2 or 0.5
    return float(numbers[0]) - half, float(numbers[-1]) + half


def _outline(ax: Axes, one: Slice) -> None:
    if min(one.mask.shape) < 2:
        return
    ax.set_autoscale_on(False)
    columns, rows = (np.asarray(numbers, float) for _, numbers in (one.across, one.down))
    for y, x in (line.T for line in find_contours((one.mask != 0).astype(float), 0.5)):
        scale = [np.interp(at, np.arange(len(numbers)), numbers) for at, numbers in ((x, columns), (y, rows))]
        ax.plot(*scale, color=PREDICTION_COLOR, linewidth=1.3)
