"""Pictures of velocity models and gathers."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmattn.common.files import written_whole

VELOCITY_RANGE = 1500.0, 4500.0


@dataclass(frozen=True)
class VelocityPanel:
    """One line of a picture; maps are (H, W) in m/s, gathers (T, R).

    Attributes:
        title: of the line.
        prediction: velocity.
        dx: metres a cell.
        truth: velocity, where it is known.
        before: an earlier prediction, as before refinement.
        gather: of one shot.
        residual: of that shot, modelled less recorded.
        dt: seconds from sample to sample of the gather.
    """

    title: str
    prediction: np.ndarray
    dx: float
    truth: np.ndarray | None = None
    before: np.ndarray | None = None
    gather: np.ndarray | None = None
    residual: np.ndarray | None = None
    dt: float = 0.0


def save_velocity_picture(
    panels: Sequence[VelocityPanel], path: str | os.PathLike, velocity_range: tuple[float, float] = VELOCITY_RANGE
) -> None:
    """Draws a line a panel: truth, earlier prediction, prediction, difference, gather, residual; what there is of them.

    Axes are in kilometres and seconds; colours are fixed by ``velocity_range``, so that pictures compare.
    """
    columns = max(len(_cells(panel)) for panel in panels)
    figure = Figure(figsize=(3.4 * columns, 2.7 * len(panels)), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), columns, squeeze=False)
    for line, panel in zip(axes, panels):
        cells = _cells(panel)
        for axis, (title, values, kind) in zip(line, cells):
            image = _draw(axis, values, kind, panel, velocity_range)
            axis.set_title(title, fontsize=8)
            figure.colorbar(image, ax=axis, shrink=0.8)
        line[0].set_ylabel(f'{panel.title}\ndepth, km', fontsize=8)
        for axis in line[len(cells) :]:
            axis.set_axis_off()
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=100, format='png')


def _cells(panel: VelocityPanel) -> list[tuple[str, np.ndarray, str]]:
    cells = [
        ('true, m/s', panel.truth, 'velocity'),
        ('before, m/s', panel.before, 'velocity'),
        ('predicted, m/s', panel.prediction, 'velocity'),
    ]
    if panel.truth is not None:
        cells.append(('predicted - true, m/s', panel.prediction - panel.truth, 'difference'))
    elif panel.before is not None:
        cells.append(('change, m/s', panel.prediction - panel.before, 'difference'))
    cells += [('gather', panel.gather, 'gather'), ('residual', panel.residual, 'gather')]
    return [cell for cell in cells if cell[1] is not None]


def _draw(axis: object, values: np.ndarray, kind: str, panel: VelocityPanel, bounds: tuple[float, float]) -> object:
    if kind == 'gather':
        clip = float(np.quantile(np.abs(panel.gather), 0.98)) or 1.0
        extent = (0, values.shape[1], panel.dt * len(values), 0)
        axis.set_xlabel('receiver', fontsize=8)
        return axis.imshow(values, cmap='gray', vmin=-clip, vmax=clip, aspect='auto', extent=extent)
    axis.set_xlabel('km', fontsize=8)
    extent = (0, values.shape[1] * panel.dx / 1000, len(values) * panel.dx / 1000, 0)
    half = (bounds[1] - bounds[0]) / 3
    options = dict(cmap='viridis', vmin=bounds[0], vmax=bounds[1])
    options = options if kind == 'velocity' else dict(cmap='RdBu_r', vmin=-half, vmax=half)
    return axis.imshow(values, extent=extent, **options)
