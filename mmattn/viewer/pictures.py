"""Pictures of sections, which draw what their sources hold. Needs Bokeh."""

from typing import NamedTuple

from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    CustomJSTickFormatter,
    GlyphRenderer,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from mmattn.seismic.volumes.slice_picture import short
from mmattn.seismic.volumes.volume import Volume
from mmattn.viewer import colours
from mmattn.viewer.lines import name_of, numbers_of, unit_of
from mmattn.viewer.sections import AXES, View, whole_window

_NOTHING = dict(image=[], x=[], y=[], dw=[], dh=[])
_TICKS = """
const position = Math.round(tick)
return Math.abs(tick - position) < 0.01 && position in numbers ? numbers[position] : ''
"""


class Picture(NamedTuple):
    """A figure, and its images by the names of their sources."""

    figure: figure
    images: dict[str, GlyphRenderer]


def make_mappers(*, sparse: bool) -> dict[str, LinearColorMapper]:
    """The colours of 'amplitude', 'label', 'probability' and 'compare', a second probability.

    Args:
        sparse: see :func:`mmattn.viewer.colours.label_palette`.
    """
    probability = LinearColorMapper(colours.probability_palette(), low=0, high=255)
    return dict(
        amplitude=LinearColorMapper(colours.amplitude_palette('grey'), low=0, high=255),
        label=LinearColorMapper(colours.label_palette(sparse), low=0, high=3),
        probability=probability,
        compare=probability,
    )


def make_sources() -> dict[str, ColumnDataSource]:
    """Empty sources: images, and the lines 'outline', 'compare_outline', 'curves' and 'filled'."""
    images = {name: ColumnDataSource(_NOTHING) for name in ('amplitude', 'label', 'probability', 'compare')}
    lines = ('outline', 'compare_outline', 'curves', 'filled')
    return images | {name: ColumnDataSource(dict(across=[], down=[])) for name in lines}


def make_picture(
    sources: dict[str, ColumnDataSource],
    mappers: dict[str, LinearColorMapper],
    *,
    probability: str = 'probability',
    beside: figure | None = None,
) -> Picture:
    """Makes a figure of amplitudes, a label, a probability and its outline.

    Args:
        sources, mappers: of :func:`make_sources` and :func:`make_mappers`; figures may share them.
        probability: which is drawn, 'probability' or 'compare'.
        beside: a figure whose ranges and crosshair this one shares.
    """
    ranges = dict(x_range=Range1d(0, 1), y_range=Range1d(1, 0))
    if beside is not None:
        ranges = dict(x_range=beside.x_range, y_range=beside.y_range)
    picture = figure(
        tools='pan,wheel_zoom,box_zoom,reset,save',
        active_scroll='wheel_zoom',
        sizing_mode='stretch_both',
        **ranges,
    )
    picture.add_tools(
        CrosshairTool() if beside is None else CrosshairTool(overlay=beside.select_one(CrosshairTool).overlay)
    )
    picture.grid.visible = False
    images = {
        name: picture.image('image', 'x', 'y', 'dw', 'dh', source=sources[name], color_mapper=mappers[name])
        for name in ('amplitude', 'label', probability)
    }
    picture.patches('across', 'down', source=sources['filled'], fill_color='black', line_color=None)
    picture.multi_line('across', 'down', source=sources['curves'], line_color='black', line_width=0.7)
    outline = sources['outline' if probability == 'probability' else 'compare_outline']
    picture.multi_line('across', 'down', source=outline, line_color='#ffd400', line_width=2)
    return Picture(picture, images)


def put_image(source: ColumnDataSource, view: View, levels: object) -> None:
    """Gives a source the levels of a view."""
    left, top, width, height = view.box
    source.data = dict(image=[levels], x=[left], y=[top], dw=[width], dh=[height])


def show_whole(picture: figure, volume: Volume, direction: str) -> None:
    """Sets the axes of a picture to the whole of the sections of a direction."""
    window = whole_window(volume, direction)
    for edges, name, turned in zip(window, AXES[direction], (True, False)):
        shown = [short(number) for number in numbers_of(volume, name)]
        title = f'{name_of(volume, name)} {unit_of(volume, name)}'.rstrip()
        label_axis(picture.yaxis if turned else picture.xaxis, shown, title)
        set_range(picture.y_range if turned else picture.x_range, (edges[0] - 0.5, edges[1] - 0.5), turned=turned)


def set_range(span: Range1d, ends: tuple[float, float], *, turned: bool) -> None:
    """Shows all between ends, and lets nobody leave it.

    Args:
        span: of a picture.
        ends: smaller one first.
        turned: whether numbers grow downwards.
    """
    start, end = reversed(ends) if turned else ends
    span.update(start=start, end=end, reset_start=start, reset_end=end, bounds=ends)


def label_axis(axis: object, numbers: list[str], title: str) -> None:
    """Writes numbers in place of positions."""
    axis.formatter = CustomJSTickFormatter(args=dict(numbers=numbers), code=_TICKS)
    axis.axis_label = title
