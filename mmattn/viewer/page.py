"""The page: a picture, what moves it and what is under the cursor. Needs Panel and Bokeh."""

import sys
from collections.abc import Callable
from functools import partial

import panel as pn
from bokeh.events import MouseMove, RangesUpdate, Tap
from bokeh.layouts import row

from mmattn.common.errors import one_line
from mmattn.seismic.volumes.slice_picture import short
from mmattn.viewer import colours
from mmattn.viewer.controls import Controls
from mmattn.viewer.lines import directions, find_line, name_of, numbers_of, title_of
from mmattn.viewer.outlines import outline
from mmattn.viewer.painting import Painter
from mmattn.viewer.pictures import make_mappers, make_picture, make_sources, put_image, show_whole
from mmattn.viewer.read_out import describe, read_out
from mmattn.viewer.sections import (
    AXES,
    COARSE,
    MOST,
    View,
    clip_window,
    is_scattered,
    read_view,
    section_shape,
    thinned,
)
from mmattn.viewer.survey import Survey
from mmattn.viewer.way_picture import WayPicture
from mmattn.viewer.wiggles import wiggles

_PAUSE = 30  # ms in which the steps of a drag or a zoom come together


Explain = Callable[[str, int, int, int], bytes]
"""Direction and position of a section, row and column in its picture, to a PNG that explains the network there."""


class Page(Controls):
    """What one browser tab shows.

    Args:
        survey: to look at.
        explain: makes a picture for the point of a line that is clicked; None for no such picture.

    Attributes:
        direction: of the section that is shown.
        positions: of the section of each direction.
        views: what was read of it, by 'amplitude', 'probability', 'label' and 'compare'.
        sources: what Bokeh draws, by the same names, 'outline', 'compare_outline', 'curves' and 'filled'.
        other: the picture of the second probability; None without one.
        way: the section along a line; None where there are no slices.
        painter: of the label; None where it is only shown.
    """

    def __init__(self, survey: Survey, explain: Explain | None = None) -> None:
        super().__init__(survey)
        self.survey, self.explain = survey, explain
        self.direction = directions(survey.volume)[0]
        self.positions = {name: len(numbers_of(survey.volume, name)) // 2 for name in directions(survey.volume)}
        self.views: dict[str, View] = {}
        self._shown: tuple | None = None
        self._waiting = self._is_coarse = False
        self._watch_widgets()
        self._make_picture()
        self.painter = self._make_painter()
        self._turn()
        if survey.why_not:
            self.message.object = survey.why_not

    def layout(self) -> pn.Row:
        """The page as Panel shows it."""
        right = pn.Column(
            pn.pane.Bokeh(row(self._figures(), sizing_mode='stretch_both'), sizing_mode='stretch_both'),
            self.reading,
            *([pn.pane.Bokeh(self.way.figure, sizing_mode='stretch_width')] if self.way is not None else []),
            *([self.attention] if self.explain is not None else []),
            sizing_mode='stretch_both',
        )
        left = self.beside(*([] if self.painter is None else self.painter.controls()))
        return pn.Row(left, right, sizing_mode='stretch_both', min_height=640)

    def go_to(self, text: str | float) -> None:
        """Shows the section of a number, as typed; a wrong one is said on the page."""
        try:
            position = find_line(self.survey.volume, self.direction, text)
        except ValueError as error:
            self._say(error)
            return
        self.positions[self.direction] = position
        self._show_position()
        self._read()

    def look_at(self, down: tuple[float, float], across: tuple[float, float]) -> None:
        """Shows what lies between edges, in positions, as fine as the screen has it."""
        for span, edges, turned in ((self.figure.y_range, down, True), (self.figure.x_range, across, False)):
            start, end = sorted(edges, reverse=turned)
            span.update(start=start, end=end)
        self._read()

    def point_at(self, down: float, across: float) -> None:
        """Tells what is at a point of the picture, in positions."""
        try:
            found = read_out(self.survey, self.direction, self.positions[self.direction], down, across)
        except OSError as error:
            self._say(error)
            return
        self.reading.object = describe(self.survey, found)

    def pick(self, down: float, across: float) -> None:
        """Takes the sections of the other directions through a point of the picture, and explains the network there."""
        for name, at in zip(AXES[self.direction], (down, across)):
            if name in self.positions:
                last = len(numbers_of(self.survey.volume, name)) - 1
                self.positions[name] = min(max(round(at), 0), last)
        if self.explain is not None and self.direction != 'time':
            self._explain(round(down), round(across))

    def _make_painter(self) -> Painter | None:
        if self.survey.painted is None:
            return None

        def place() -> tuple[str, int, tuple[int, int]]:
            return self.direction, self.positions[self.direction], section_shape(self.survey.volume, self.direction)

        given = dict(place=place, done=self._read_label, say=self._say, answer=self._answer)
        return Painter(self.survey.painted, self.figure, **given)

    def _tap(self, down: float, across: float) -> None:
        if self.way is not None and self.line.value:
            self._add_corner(down, across)
        elif self.painter is not None and self.painter.paints:
            self.painter.tap(down, across)
        else:
            self.pick(down, across)

    def _add_corner(self, down: float, across: float) -> None:
        if self.direction != 'time':
            name = name_of(self.survey.volume, 'time')
            self.message.object = f'choose {name}, and click the corners of the line on a slice'
            return
        try:
            self.way.add(down, across)
        except OSError as error:
            self._say(error)
            return
        self.message.object = ''
        self.way.mark(on_slice=True)
        self.way.shade(float(self.gain.value), float(self.threshold.value))

    def _draw_line(self) -> None:
        """Begins a line across the survey, or takes it away."""
        if not self.line.value:
            self.way.clear()
            self.way.mark(on_slice=False)
        elif self.direction != 'time':
            self.choice.value = 'time'

    def _read_label(self, direction: str, index: int) -> None:
        """Reads the label anew after a section of it changed, and goes there if it is of the direction shown."""
        if direction == self.direction and index != self.positions[direction]:
            self.positions[direction] = index
            self._show_position()
            self._read()
        if self._shown is not None:
            self.views['label'] = read_view(self.survey.label, *self._shown)
            self._put('label', colours.label_levels(self.views['label'].values))

    def _explain(self, row: int, column: int) -> None:
        volume = self.survey.volume
        counts = (len(numbers_of(volume, name)) for name in AXES[self.direction])
        if not all(0 <= at < count for at, count in zip((row, column), counts)):
            return
        try:
            picture = self.explain(self.direction, self.positions[self.direction], row, column)
        except (OSError, ValueError, RuntimeError) as error:
            self._say(error)
            return
        self.attention.object = picture

    def _watch_widgets(self) -> None:
        for widget, answer in (
            (self.choice, self._choose),
            (self.slider, self._slide),
            (self.number, self._type),
            (self.colours, self._colour),
            (self.wiggles, self._draw_traces),
            (self.gain, self._shade),
            (self.opacity, self._fade),
            (self.label_opacity, self._fade),
            (self.threshold, self._outline),
            (self.line, self._draw_line),
        ):
            widget.param.watch(partial(self._answer, answer), 'value')

    def _make_picture(self) -> None:
        self.mappers, self.sources = make_mappers(sparse=self.survey.is_sparse), make_sources()
        self.mapper = self.mappers['amplitude']
        self.figure, self.images = make_picture(self.sources, self.mappers)
        self.other = self.way = None
        if self.survey.compare is not None:
            self.other = make_picture(self.sources, self.mappers, probability='compare', beside=self.figure)
        if 'time' in self.positions:
            self.way = WayPicture(self.survey, self.figure, self.mappers)
        self._fade()
        for one in self._figures():
            one.on_event(MouseMove, lambda event: self.point_at(event.y, event.x))
            one.on_event(Tap, lambda event: self._tap(event.y, event.x))
            one.on_event(RangesUpdate, lambda event: self._read_soon())

    def _figures(self) -> list:
        return [self.figure, *([self.other.figure] if self.other is not None else [])]

    def _answer(self, answer: Callable[[], None], event: object) -> None:
        """Answers a widget; in a browser when the document is ours to change, which Bokeh insists on."""
        if self.figure.document is None:
            answer()
        else:
            self.figure.document.add_next_tick_callback(answer)

    def _choose(self) -> None:
        self.direction = self.choice.value
        self._turn()

    def _slide(self) -> None:
        if self.slider.value != self._at():
            self.positions[self.direction] = find_line(self.survey.volume, self.direction, self.slider.value)
            self._show_position()
            self._read_soon()

    def _type(self) -> None:
        if self.number.value != short(self._at()):
            self.go_to(self.number.value)

    def _read_soon(self) -> None:
        """Reads once what came in together, as the steps of a drag or a zoom do, is taken in."""
        if self.figure.document is None:
            self._read()
        elif not self._waiting:
            self._waiting = True
            self.figure.document.add_timeout_callback(self._read, _PAUSE)

    def _turn(self) -> None:
        """Takes up another direction."""
        volume = self.survey.volume
        self.slider.param.update(
            label=name_of(volume, self.direction),
            formatter='%g' if self.direction == 'time' else '%d',
            options=numbers_of(volume, self.direction).tolist(),
            value=self._at(),
        )
        self._show_position()
        for figure in self._figures():
            show_whole(figure, volume, self.direction)
        if self.way is not None:
            self.way.mark(on_slice=self.direction == 'time')
        self._read()

    def _at(self) -> float:
        """Number of the section that is shown."""
        return numbers_of(self.survey.volume, self.direction)[self.positions[self.direction]].item()

    def _show_position(self) -> None:
        """Lets the slider and the typed number tell the section that is shown."""
        name = name_of(self.survey.volume, self.direction)
        self.number.param.update(label=f'{name}, typed', value=short(self._at()))
        self.slider.value = self._at()

    def _read(self) -> None:
        """Reads what is in sight of each volume, and draws it, unless it is drawn; what takes longer coarsely first."""
        self._waiting = False
        down, across, index = self.figure.y_range, self.figure.x_range, self.positions[self.direction]
        edges = (down.start, down.end), (across.start, across.end)
        window = clip_window(self.survey.volume, self.direction, *edges)
        is_new = (self.direction, index, window) != self._shown
        if not is_new and not self._is_coarse:
            return
        in_browser = self.figure.document is not None
        self._is_coarse = is_new and in_browser and is_scattered(self.survey.volume, self.direction)
        most = COARSE if self._is_coarse else MOST
        given = dict(
            amplitude=self.survey.volume,
            probability=self.survey.probability,
            label=self.survey.label,
            compare=self.survey.compare,
        )
        try:
            self.views = {
                name: read_view(volume, self.direction, index, window, most)
                for name, volume in given.items()
                if volume is not None
            }
        except OSError as error:
            self._say(error)
            return
        if self.painter is not None and self._shown is not None and self._shown[:2] != (self.direction, index):
            self.painter.drop()  # a polygon lies in one section
        self._shown = self.direction, index, window
        self.message.object = ''
        volume = self.survey.volume
        shown = title_of(volume, self.direction, index)
        self.figure.title.text = f'{volume.name}: {shown}{thinned(self.views["amplitude"])}'
        if self.other is not None:
            self.other.figure.title.text = f'{self.survey.compare.name}: {shown}'
        self._shade()
        probability = colours.probability_levels
        for name, levels in (('probability', probability), ('compare', probability), ('label', colours.label_levels)):
            if name in self.views:
                self._put(name, levels(self.views[name].values))
        self._outline()
        if self._is_coarse:
            self._read_soon()

    def _shade(self) -> None:
        if view := self.views.get('amplitude'):
            gain = float(self.gain.value)
            self._put('amplitude', colours.amplitude_levels(view.values, view.present, self.survey.clip, gain))
        if self.way is not None:
            self.way.shade(float(self.gain.value), float(self.threshold.value))
        self._draw_traces()

    def _draw_traces(self) -> None:
        """Draws curves over the picture of a line, if they are asked for, and takes its colours away."""
        view, on = self.views.get('amplitude'), self.wiggles.value and self.direction != 'time'
        drawn = wiggles(view, self.survey.clip, float(self.gain.value)) if on and view else (([], []), ([], []))
        for name, (across, down) in zip(('curves', 'filled'), drawn):
            self.sources[name].data = dict(across=across, down=down)
        for image in self._images('amplitude', on_way=False):
            image.glyph.global_alpha = 0.0 if on else 1.0

    def _put(self, name: str, levels: object) -> None:
        put_image(self.sources[name], self.views[name], levels)

    def _outline(self) -> None:
        for name, line in (('probability', 'outline'), ('compare', 'compare_outline')):
            if name in self.views:
                across, down = outline(self.views[name], float(self.threshold.value))
                self.sources[line].data = dict(across=across, down=down)
        if self.way is not None:
            self.way.shade(float(self.gain.value), float(self.threshold.value))

    def _colour(self) -> None:
        self.mapper.palette = colours.amplitude_palette(self.colours.value)

    def _fade(self) -> None:
        layers = ('probability', self.opacity), ('compare', self.opacity), ('label', self.label_opacity)
        for name, widget in layers:
            for image in self._images(name):
                image.glyph.global_alpha = float(widget.value)

    def _images(self, name: str, *, on_way: bool = True) -> list:
        """The images of a source in all pictures."""
        pictures = [self, *([self.other] if self.other is not None else [])]
        pictures += [self.way] if on_way and self.way is not None else []
        return [picture.images[name] for picture in pictures if name in picture.images]

    def _say(self, error: Exception) -> None:
        """Tells what went wrong on the page and on the terminal."""
        self.message.object = one_line(error)
        print(f'error: {one_line(error)}', file=sys.stderr, flush=True)
