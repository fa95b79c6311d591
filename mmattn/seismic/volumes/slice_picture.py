"""A picture of three slices through a volume; Matplotlib is imported when one is drawn."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmattn.seismic.volumes.amplitude import sample_traces
from mmattn.seismic.volumes.fill_values import find_fill_values
from mmattn.seismic.volumes.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def save_slices(volume: Volume, path: str | os.PathLike, *, clip: float | None = None, dpi: int = 120) -> Path:
    """Draws an inline, a crossline and a time slice through the middle; of a 2-D line the line alone.

    Args:
        volume: to draw.
        path: of the picture, PNG unless its ending says otherwise; its folder is made if need be.
        clip: amplitude drawn black or white; None takes the 99th percentile of |amplitude| over live traces, without
            zeros and what looks like a fill value.
        dpi: pixels an inch.

    Returns:
        The path.

    Raises:
        ValueError: if pictures of that ending cannot be drawn.
    """
    from matplotlib.figure import Figure

    middle = [count // 2 for count in volume.shape]
    directions = ('iline',) if volume.is_2d else ('iline', 'xline', 'time')
    slices = [volume.section(direction, middle[axis]) for axis, direction in enumerate(directions)]
    if clip is None:
        traces = sample_traces(volume)
        nothing = [0, *(one.value for one in find_fill_values(traces))]
        values = np.abs(traces[~np.isin(traces, nothing)])
        clip = float(np.percentile(values, 99)) if values.size else 1.0
    figure = Figure(figsize=(5.2 * len(slices), 5.0), layout='constrained')
    axes = figure.subplots(1, len(slices), squeeze=False)[0]
    ilines, xlines, samples = volume.ilines, volume.xlines, volume.samples
    unit = volume.sample_unit
    name = 'time' if unit == 'ms' else 'depth'
    depth_label = f'{name} [{unit}]' if unit != 'sample' else 'sample'
    at = dict(
        iline=(f'inline {ilines[middle[0]]}', 'trace' if volume.is_2d else 'crossline', xlines, samples, depth_label),
        xline=(f'crossline {xlines[middle[1]]}', 'inline', ilines, samples, depth_label),
        time=(f'{depth_label} {short(samples[middle[2]])}', 'crossline', xlines, ilines, 'inline'),
    )
    for ax, direction, values in zip(axes, directions, slices):
        title, across_label, across, down, down_label = at[direction]
        shown = values if direction == 'time' else values.T
        image = ax.imshow(
            shown,
            cmap='gray',
            vmin=-clip,
            vmax=clip,
            aspect='auto',
            interpolation='bilinear' if max(shown.shape) > 600 else 'nearest',
        )
        ax.set(title=title, xlabel=across_label, ylabel=down_label)
        _label_ticks(ax.xaxis, across)
        _label_ticks(ax.yaxis, down)
    figure.colorbar(image, ax=axes[-1], label='amplitude')
    figure.suptitle(f'{volume.name}  {" x ".join(map(str, volume.shape))}')
    path = check_picture(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    return path


def check_picture(path: str | os.PathLike) -> Path:
    """Returns the path of a picture, with .png where it has no ending.

    Raises:
        ValueError: if pictures of that ending cannot be drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path = Path(path)
    path = path if path.suffix else path.with_name(f'{path.name}.png')
    known = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ValueError(f'picture {str(path)!r} must end with .png or another of {", ".join(sorted(known))}')
    return path


def short(number: float) -> str:
    """A line number, time or depth for people: whole numbers with all their digits."""
    return f'{number:.0f}' if number == round(number) else f'{number:g}'


def _label_ticks(axis: 'Axis', numbers: np.ndarray) -> None:
    """Writes line numbers, or times, in place of positions."""
    positions = np.unique(np.linspace(0, len(numbers) - 1, min(6, len(numbers))).round().astype(int))
    axis.set_ticks(positions, [short(numbers[position]) for position in positions])
