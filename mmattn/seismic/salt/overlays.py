"""Pictures of salt sections and of training: overlays and curves as PNG files.

Everything is drawn through Matplotlib's figure objects, without pyplot: no display, no global state, no open
figures. Colours are those of Okabe and Ito, which colour-blind readers tell apart: orange for truth, sky blue for the
prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from skimage.measure import find_contours

TRUTH_COLOR = '#E69F00'
PREDICTION_COLOR = '#56B4E9'
_PROBABILITY_COLORS = 'cividis'


@dataclass(frozen=True)
class OverlayPanel:
    """One tile to be drawn: the section alone, with outlines, and its salt probability.

    Args:
        section: (H, W) amplitudes or grey values.
        probability: (H, W) salt probability, 0 to 1; None if there is none.
        truth: (H, W) true mask, 0 and 1; other labels are not outlined. None if unknown.
        prediction: (H, W) predicted mask, 0 and 1; None if there is none.
        title: written above the tile.

    Raises:
        ValueError: if an array is not (H, W) of the section.
    """

    section: np.ndarray
    probability: np.ndarray | None = None
    truth: np.ndarray | None = None
    prediction: np.ndarray | None = None
    title: str = ''

    def __post_init__(self) -> None:
        if self.section.ndim != 2:
            raise ValueError(f'section must be (H, W), got {self.section.shape}')
        for name in ('probability', 'truth', 'prediction'):
            array = getattr(self, name)
            if array is not None and array.shape != self.section.shape:
                raise ValueError(f'{name} must have the shape of the section {self.section.shape}, got {array.shape}')


def grey_limits(section: np.ndarray, *, center: float | None = None) -> tuple[float, float]:
    """Chooses the values drawn black and white, so that zero amplitude is mid-grey.

    The limits lie evenly on both sides of the centre and hold 99 % of the values.

    Args:
        section: amplitudes or grey values; values that are not finite are disregarded.
        center: value of zero amplitude. None means the middle of the range for unsigned integers (128 for 8 bits), for
            other types 0 if there are negative values, 0.5 if all lie from 0 to 1, and 128 (8-bit values) otherwise.

    Returns:
        Black and white.
    """
    finite = section[np.isfinite(section)]
    if center is None:
        if np.issubdtype(section.dtype, np.unsignedinteger):
            center = (float(np.iinfo(section.dtype).max) + 1) / 2
        elif not finite.size or finite.min() < 0:
            center = 0.0
        else:
            center = 0.5 if finite.max() <= 1 else 128.0
    reach = float(np.percentile(np.abs(finite.astype(np.float64) - center), 99)) if finite.size else 0.0
    return center - (reach or 1.0), center + (reach or 1.0)


def draw_overlay(
    section: np.ndarray,
    *,
    probability: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    title: str = '',
    center: float | None = None,
) -> Figure:
    """Draws one tile: the section in symmetric grey, the same with outlines, and the probability where there is one.

    Args:
        section: (H, W), see :class:`OverlayPanel` for this and the other arrays.
        probability: (H, W).
        truth: (H, W).
        prediction: (H, W).
        title: written above.
        center: value of zero amplitude, see :func:`grey_limits`.

    Returns:
        The figure, to be saved with ``figure.savefig(path)`` or put elsewhere.

    Raises:
        ValueError: if the shapes differ.
    """
    return _overlay_figure({'': [OverlayPanel(section, probability, truth, prediction, title)]}, center=center, tile=3)


def save_overlay_grid(
    panels: Sequence[OverlayPanel] | Mapping[str, Sequence[OverlayPanel]],
    path: str | Path,
    *,
    columns: int = 2,
    title: str = '',
    center: float | None = None,
    dpi: int = 150,
) -> Path:
    """Draws many tiles into one PNG, with a legend and a colour bar.

    Args:
        panels: the tiles, spread over the columns row by row; or groups of tiles by their heading, one column each.
        path: of the PNG; its folder is made if need be.
        columns: of tiles, where panels are not grouped.
        title: of the picture.
        center: value of zero amplitude, see :func:`grey_limits`.
        dpi: pixels an inch.

    Returns:
        The path.

    Raises:
        ValueError: if there is no panel, or columns is below 1.
    """
    if columns < 1:
        raise ValueError(f'columns must be at least 1, got {columns}')
    if isinstance(panels, Mapping):
        groups = {heading: list(group) for heading, group in panels.items() if len(group)}
    else:
        groups = {' ' * column: list(panels[column::columns]) for column in range(min(columns, len(panels)))}
    if not groups:
        raise ValueError('save_overlay_grid needs at least one panel')
    return save_figure(_overlay_figure(groups, title=title, center=center), path, dpi)


def save_figure(figure: Figure, path: str | Path, dpi: int) -> Path:
    """Writes a picture and makes its folder if need be."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    return path


def _overlay_figure(
    groups: Mapping[str, Sequence[OverlayPanel]], *, title: str = '', center: float | None = None, tile: float = 1.5
) -> Figure:
    """Lays out the groups side by side, one below the other their tiles, each a row of views ``tile`` inches wide."""
    panels = [panel for group in groups.values() for panel in group]
    outlined = any(panel.truth is not None or panel.prediction is not None for panel in panels)
    views = 1 + outlined + any(panel.probability is not None for panel in panels)
    rows = max(len(group) for group in groups.values())
    height = tile * float(np.clip(np.median([np.divide(*panel.section.shape) for panel in panels]), 0.3, 2.5))
    gap, caption, heading_height = 0.06, 0.25, 0.26 * any(heading.strip() for heading in groups)
    head, foot = 0.08 + 0.34 * bool(title) + heading_height, 0.55 if views > 1 else 0.15
    group_width = views * (tile + gap) + 0.2
    width, full_height = max(len(groups) * group_width + 0.2, 3.8), head + rows * (height + caption) + foot
    figure = Figure(figsize=(width, full_height))
    if title:
        figure.text(0.5, 1 - 0.21 / full_height, title, ha='center', va='center', fontsize=12)
    for column, (heading, group) in enumerate(groups.items()):
        left = (width - len(groups) * group_width) / 2 + 0.1 + column * group_width
        figure.text(left / width, 1 - (head - 0.1) / full_height, heading, va='center', fontsize=10, weight='bold')
        for row, panel in enumerate(group):
            bottom = foot + (rows - 1 - row) * (height + caption)
            boxes = [(left + view * (tile + gap), bottom, tile, height) for view in range(views)]
            axes = [figure.add_axes([x / width, y / full_height, w / width, h / full_height]) for x, y, w, h in boxes]
            _draw_views(axes, panel, outlined=outlined, center=center)
    _draw_key(figure, panels)
    return figure


def _draw_views(axes: Sequence[Axes], panel: OverlayPanel, *, outlined: bool, center: float | None) -> None:
    """Draws one tile's views into its axes; the last stays blank where the tile has no probability."""
    black, white = grey_limits(panel.section, center=center)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(color='0.6', linewidth=0.5)
    axes[0].set_title(panel.title, fontsize=8, loc='left', pad=3)
    for ax in axes[: 1 + outlined]:
        ax.imshow(panel.section, cmap='gray', vmin=black, vmax=white, interpolation='nearest')
    if outlined:
        _draw_outlines(axes[1], panel)
    if len(axes) == 1 + outlined:
        return
    if panel.probability is None:
        axes[-1].set_axis_off()
    else:
        axes[-1].imshow(panel.probability, cmap=_PROBABILITY_COLORS, vmin=0, vmax=1, interpolation='nearest')
        _draw_outline(axes[-1], panel.truth, TRUTH_COLOR, '-')


def _draw_outlines(ax: Axes, panel: OverlayPanel) -> None:
    _draw_outline(ax, panel.truth, TRUTH_COLOR, '-')
    _draw_outline(ax, panel.prediction, PREDICTION_COLOR, (0, (3, 1.5)))


def _draw_outline(ax: Axes, mask: np.ndarray | None, color: str, style: str | tuple) -> None:
    """Draws the border of label 1, with a dark rim so that it shows on any grey; the tile's edge is no border."""
    if mask is None or min(mask.shape) < 2:
        return
    ax.set_autoscale_on(False)
    for rows, columns in (line.T for line in find_contours((mask == 1).astype(float), 0.5)):
        rim = [Stroke(linewidth=2.4, foreground='0.1'), Normal()] if style == '-' else None
        ax.plot(columns, rows, color=color, linestyle=style, linewidth=1.4, path_effects=rim)


def _draw_key(figure: Figure, panels: Sequence[OverlayPanel]) -> None:
    """Draws, at the foot, what the outlines are and the colour bar of the probability."""
    width, height = figure.get_size_inches()
    lines = []
    if any(panel.truth is not None for panel in panels):
        lines.append(Line2D([], [], color=TRUTH_COLOR, linewidth=2, label='true outline'))
    if any(panel.prediction is not None for panel in panels):
        lines.append(Line2D([], [], color=PREDICTION_COLOR, linewidth=2, linestyle='--', label='predicted outline'))
    if lines:
        figure.legend(
            handles=lines, loc='lower left', bbox_to_anchor=(0.1 / width, 0.02 / height), fontsize=8, frameon=False
        )
    if any(panel.probability is not None for panel in panels):
        box = [1 - 1.75 / width, 0.22 / height, 1.5 / width, 0.1 / height]
        bar = figure.colorbar(
            ScalarMappable(norm=Normalize(0, 1), cmap=_PROBABILITY_COLORS),
            cax=figure.add_axes(box),
            orientation='horizontal',
            ticks=[0, 0.5, 1],
        )
        bar.ax.tick_params(labelsize=7, length=2, pad=1)
        bar.ax.set_title('salt probability', fontsize=7, pad=2)
