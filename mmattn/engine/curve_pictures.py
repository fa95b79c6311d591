"""Pictures of training: loss and metrics as curves in a PNG file, drawn without pyplot."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmattn.seismic.salt.overlays import save_figure

_LINE_COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')


@dataclass(frozen=True)
class Curve:
    """One line of a picture of curves.

    Args:
        name: for the legend.
        steps: where it was measured, rising.
        values: what was measured, as many as steps.
        panel: title of the panel it is drawn in; curves of one panel share its axes.
        xlabel: unit of the steps.
        best: whether the highest ('max') or lowest ('min') value is marked, or none.

    Raises:
        ValueError: if steps and values differ in number, or best is another word.
    """

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    panel: str
    xlabel: str = 'iteration'
    best: Literal['max', 'min'] | None = None

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(f'{self.name}: {len(self.steps)} steps but {len(self.values)} values')
        if self.best not in ('max', 'min', None):
            raise ValueError(f"{self.name}: best must be 'max', 'min' or None, got {self.best!r}")


def save_curves(curves: Sequence[Curve], path: str | Path, *, title: str = '', dpi: int = 120) -> Path:
    """Draws loss and metrics against epoch or iteration into one PNG.

    Args:
        curves: what is drawn; those with the same ``panel`` share a panel, in the order of their first appearance.
        path: of the PNG; its folder is made if need be.
        title: of the picture.
        dpi: pixels an inch.

    Returns:
        The path.

    Raises:
        ValueError: if there is no curve with a value.
    """
    grouped: dict[str, list[Curve]] = {}
    for curve in curves:
        if len(curve.values):
            grouped.setdefault(curve.panel, []).append(curve)
    if not grouped:
        raise ValueError('save_curves needs at least one curve with a value')
    columns = min(2, len(grouped))
    rows = -(-len(grouped) // columns)
    figure = Figure(figsize=(5.6 * columns, 3.4 * rows + 0.3 * bool(title)), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (panel, lines) in zip(axes, grouped.items()):
        _draw_curves(ax, panel, lines)
    for ax in axes[len(grouped) :]:
        ax.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=11)
    return save_figure(figure, path, dpi)


def _draw_curves(ax: Axes, panel: str, curves: Sequence[Curve]) -> None:
    """Draws the curves of one panel, a marker at each value where there are few, and the best one with its value."""
    many = len(curves) > len(_LINE_COLORS)  # more curves than colours: dashes tell them apart, and the legend moves out
    for curve, (dashes, color) in zip(curves, cycle(product(('-', '--', ':'), _LINE_COLORS))):
        steps, values = np.asarray(curve.steps, float), np.asarray(curve.values, float)
        label = curve.name
        if curve.best and np.isfinite(values).any():
            at = int(np.nanargmax(values) if curve.best == 'max' else np.nanargmin(values))
            label += f': best {values[at]:.4g} at {steps[at]:g}'
            ax.plot(steps[at], values[at], marker='*', markersize=11, color=color, markeredgecolor='white', zorder=3)
        marker = '.' if len(values) <= 40 else None
        ax.plot(steps, values, color=color, linestyle=dashes, linewidth=1.3, marker=marker, label=label)
    ax.set_title(panel, fontsize=10, loc='left')
    ax.set_xlabel(curves[0].xlabel, fontsize=9)
    ax.tick_params(labelsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(color='0.9')
    ax.set_axisbelow(True)
    ax.spines[['top', 'right']].set_visible(False)
    place = dict(loc='upper left', bbox_to_anchor=(1.0, 1.0)) if many else {}
    ax.legend(fontsize=7.5, framealpha=0.8, **place)
