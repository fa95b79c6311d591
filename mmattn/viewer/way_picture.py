"""A section along a line that is clicked on a time or depth slice. Needs Panel and Bokeh."""

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure

from mmattn.seismic.volumes.slice_picture import short
from mmattn.viewer import colours
from mmattn.viewer.lines import name_of, numbers_of, unit_of
from mmattn.viewer.outlines import outline
from mmattn.viewer.pictures import label_axis, make_picture, make_sources, put_image
from mmattn.viewer.sections import View
from mmattn.viewer.survey import Survey
from mmattn.viewer.ways import read_way, traces_along

_INK = '#00e5ff'


class WayPicture:
    """The section, and the line on the slice.

    Args:
        survey: that is shown.
        picture: of the slices, which the line is drawn on.
        mappers: of the page.

    Attributes:
        corners: of the line, positions of inline and crossline.
        rows, columns: of the traces along it.
        views: what was read, by 'amplitude', 'probability' and 'label'.
    """

    def __init__(self, survey: Survey, picture: figure, mappers: dict[str, LinearColorMapper]) -> None:
        self.survey = survey
        self.corners: list[tuple[float, float]] = []
        self.rows = self.columns = np.zeros(0, np.int64)
        self.views: dict[str, View] = {}
        self.sources = make_sources()
        self.figure, self.images = make_picture(self.sources, mappers)
        self.figure.update(sizing_mode='stretch_width', height=300, visible=False)
        self.drawn = ColumnDataSource(dict(across=[], down=[]))
        picture.line('across', 'down', source=self.drawn, line_color=_INK, line_width=2)
        picture.scatter('across', 'down', source=self.drawn, color=_INK, size=6)

    def add(self, down: float, across: float) -> None:
        """Takes one more corner, and reads the section once there are two."""
        self.corners.append((down, across))
        if len(self.corners) > 1:
            self._read()

    def clear(self) -> None:
        """Takes line and section away."""
        self.corners.clear()
        self.views.clear()
        self.figure.visible = False

    def mark(self, *, on_slice: bool) -> None:
        """Draws the line where a slice is shown, and else none."""
        down, across = zip(*self.corners) if self.corners and on_slice else ((), ())
        self.drawn.data = dict(across=list(across), down=list(down))

    def shade(self, gain: float, threshold: float) -> None:
        """Draws what was read."""
        if not self.views:
            return
        for name, view in self.views.items():
            levels = dict(
                amplitude=lambda view: colours.amplitude_levels(view.values, view.present, self.survey.clip, gain),
                probability=lambda view: colours.probability_levels(view.values),
                label=lambda view: colours.label_levels(view.values),
            )[name](view)
            put_image(self.sources[name], view, levels)
        if 'probability' in self.views:
            across, down = outline(self.views['probability'], threshold)
            self.sources['outline'].data = dict(across=across, down=down)

    def _read(self) -> None:
        volume = self.survey.volume
        rows, columns = traces_along(self.corners, volume.shape[:2])
        given = dict(amplitude=volume, probability=self.survey.probability, label=self.survey.label)
        self.views = {name: read_way(one, rows, columns) for name, one in given.items() if one is not None}
        self.rows, self.columns = rows, columns
        places = zip(volume.ilines[rows], volume.xlines[columns])
        title = f'{name_of(volume, "iline")} / {name_of(volume, "xline")}'
        label_axis(self.figure.xaxis, [f'{row} / {column}' for row, column in places], title)
        samples = [short(one) for one in numbers_of(volume, 'time')]
        label_axis(self.figure.yaxis, samples, f'{name_of(volume, "time")} {unit_of(volume, "time")}'.rstrip())
        for span, ends in (
            (self.figure.x_range, (-0.5, len(rows) - 0.5)),
            (self.figure.y_range, (len(samples) - 0.5, -0.5)),
        ):
            span.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])
        self.figure.title.text = f'{volume.name}: along the line, {len(rows)} traces'
        self.figure.visible = True
