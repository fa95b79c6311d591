"""What paints on the label of a page: a brush, an eraser and polygons. Needs Panel and Bokeh."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import panel as pn
from bokeh.events import DoubleTap
from bokeh.models import ColumnDataSource, FreehandDrawTool, PanTool
from bokeh.plotting import figure

from mmattn.viewer.controls import lines_of_text
from mmattn.viewer.label_file import VALUES, LabelFile
from mmattn.viewer.strokes import Patch, brush_patch, polygon_patch

LOOK, BRUSH, ERASER, POLYGON = 'look', 'brush', 'eraser', 'polygon'
_INK = '#ff00ff'
_TOOLS = """
const strokes = ['brush', 'eraser'].includes(cb_obj.value ?? cb_obj.labels[cb_obj.active])
pan.active = !strokes
brush.active = strokes
"""


class Painter:
    """The tools of one browser tab.

    Args:
        label: that is painted on.
        picture: of the section.
        place: tells direction, position and (down, across) shape of the section in the picture.
        done: called with direction and position of the section that changed.
        say: tells what went wrong.
        answer: hands a widget's change on, see ``Page``.

    Attributes:
        corners: of the polygon that is being drawn, (down, across).
    """

    def __init__(
        self,
        label: LabelFile,
        picture: figure,
        *,
        place: Callable[[], tuple[str, int, tuple[int, int]]],
        done: Callable[[str, int], None],
        say: Callable[[Exception], None],
        answer: Callable[[Callable[[], None], object], None],
    ) -> None:
        self.label, self.place, self.done, self.say = label, place, done, say
        self.corners: list[tuple[float, float]] = []
        self.hand = pn.widgets.RadioButtonGroup(label='hand', options=[LOOK, BRUSH, ERASER, POLYGON], value=LOOK)
        self.kind = pn.widgets.RadioButtonGroup(label='paints', options=list(VALUES), value='salt')
        self.tall = pn.widgets.IntSlider(label='brush, samples', start=1, end=101, step=2, value=9)
        self.wide = pn.widgets.IntSlider(label='brush, traces', start=1, end=101, step=2, value=9)
        self.back = pn.widgets.Button(label='undo')
        self.close_polygon = pn.widgets.Button(label='close the polygon')
        self.status = lines_of_text('', width=300)
        self.strokes = ColumnDataSource(dict(xs=[], ys=[]))
        self.outline = ColumnDataSource(dict(across=[], down=[]))
        self._add_tools(picture)
        self.hand.param.watch(lambda event: answer(self.drop, event), 'value')
        for button, work in ((self.back, self.undo), (self.close_polygon, self.finish)):
            button.on_click(lambda event, work=work: answer(work, event))

    def controls(self) -> list[object]:
        """What stands on the page."""
        return [self.hand, self.kind, self.tall, self.wide, pn.Row(self.back, self.close_polygon), self.status]

    @property
    def paints(self) -> bool:
        """Whether a click paints, and does not look."""
        return self.hand.value != LOOK

    def stroke(self, points: list[tuple[float, float]]) -> None:
        """Paints along a way of (down, across)."""
        radii = (float(self.tall.value) / 2, float(self.wide.value) / 2)
        self._paint(lambda shape: brush_patch(np.array(points), radii, shape))

    def tap(self, down: float, across: float) -> None:
        """A click: a dot of the brush, or a corner of the polygon."""
        if self.hand.value == POLYGON:
            self.corners.append((down, across))
            self._draw_polygon()
        elif self.paints:
            self.stroke([(down, across)])

    def finish(self) -> None:
        """Paints the polygon."""
        corners = [one for one, next_one in zip(self.corners, [*self.corners[1:], None]) if one != next_one]
        if corners:
            self._paint(lambda shape: polygon_patch(np.array(corners), shape))
        self.drop()

    def drop(self) -> None:
        """Forgets a polygon that was begun."""
        self.corners.clear()
        self._draw_polygon()

    def undo(self) -> None:
        """Takes the last stroke back."""
        try:
            changed = self.label.undo()
        except (OSError, ValueError) as error:
            self.say(error)
            return
        if changed is None:
            self.status.object = 'nothing to take back'
            return
        self.status.object = f'taken back, saved in {Path(self.label.path).name}'
        self.done(*changed)

    def _paint(self, cover: Callable[[tuple[int, int]], Patch]) -> None:
        name = 'unknown' if self.hand.value == ERASER else self.kind.value
        direction, index, shape = self.place()
        try:
            changed = self.label.paint(direction, index, cover(shape), VALUES[name])
        except (OSError, ValueError) as error:
            self.say(error)
            return
        self.status.object = f'{name}: {changed} samples changed, saved in {Path(self.label.path).name}'
        if changed:
            self.done(direction, index)

    def _add_tools(self, picture: figure) -> None:
        lines = picture.multi_line('xs', 'ys', source=self.strokes, line_color=_INK, line_width=3)
        picture.line('across', 'down', source=self.outline, line_color=_INK, line_width=2)
        picture.scatter('across', 'down', source=self.outline, color=_INK, size=6)
        brush = FreehandDrawTool(renderers=[lines], num_objects=1, visible=False)
        picture.add_tools(brush)
        picture.toolbar.active_drag = picture.select_one(PanTool)
        self.hand.jscallback(args=dict(pan=picture.select_one(PanTool), brush=brush), value=_TOOLS)
        self.strokes.on_change('data', lambda attr, old, new: self._take(new))
        picture.on_event(DoubleTap, lambda event: self.finish() if self.hand.value == POLYGON else None)

    def _take(self, data: dict[str, list]) -> None:
        """Paints what a browser drew, and takes the drawing away."""
        ways = list(zip(data['xs'], data['ys']))
        if not ways:
            return
        self.strokes.data = dict(xs=[], ys=[])
        if self.hand.value in (BRUSH, ERASER):
            for across, down in ways:
                self.stroke(list(zip(down, across)))

    def _draw_polygon(self) -> None:
        down, across = zip(*self.corners) if self.corners else ((), ())
        self.outline.data = dict(across=list(across), down=list(down))
