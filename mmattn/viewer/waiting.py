"""What is shown until a large file is opened: traces from its middle, and how far it is. Needs Panel and Bokeh."""

from collections.abc import Callable

import panel as pn
from bokeh.models import NumeralTickFormatter

from mmattn.common.errors import one_line
from mmattn.viewer import colours
from mmattn.viewer.controls import lines_of_text
from mmattn.viewer.glance import Glance
from mmattn.viewer.opening import Opening
from mmattn.viewer.pictures import make_mappers, make_picture, make_sources, put_image, set_range

_PERIOD = 250  # ms between looks at what has come


class WaitingPage:
    """What one browser tab shows, first while the survey is opened and then of it.

    Args:
        opening: of the survey.
        glance: to look at meanwhile.
        make: the page of what is opened.

    Attributes:
        message: how far the opening is.
        wrong: why it failed.
        sources: of the picture.
    """

    def __init__(self, opening: Opening, glance: Glance, make: Callable[[object], pn.viewable.Viewable]) -> None:
        self.opening, self.make = opening, make
        self.message = lines_of_text('', sizing_mode='stretch_width')
        self.wrong = lines_of_text('', '#b00020', sizing_mode='stretch_width')
        self.sources = make_sources()
        self.figure, _ = make_picture(self.sources, make_mappers(sparse=False))
        self.figure.title.text = glance.title
        view = glance.view
        put_image(self.sources['amplitude'], view, colours.amplitude_levels(view.values, view.present, glance.clip))
        for span, cells, turned in ((self.figure.x_range, view.across, False), (self.figure.y_range, view.down, True)):
            set_range(span, (cells.start - cells.step / 2, cells[-1] + cells.step / 2), turned=turned)
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = 'trace in the file', 'sample'
        self.figure.xaxis.formatter = NumeralTickFormatter(format='0,0')
        self._holder = pn.Column(
            self.message, self.wrong, pn.pane.Bokeh(self.figure, sizing_mode='stretch_both'), sizing_mode='stretch_both'
        )
        self._callback = None

    def layout(self) -> pn.Column:
        """The page as Panel shows it; in a server it looks for itself whether the survey is opened."""
        self.look()
        if pn.state.curdoc is not None and not self.opening.is_done:
            self._callback = pn.state.add_periodic_callback(self.look, period=_PERIOD)
        return self._holder

    def look(self) -> None:
        """Tells how far the opening is; in the end shows the survey, or why there is none."""
        if not self.opening.is_done:
            count, total = self.opening.progress
            read = f': {count:,} of {total:,}' if total else ''
            self.message.object = (
                f'reading trace headers{read}. Until then, traces from the middle of the file in its order.'
            )
            return
        if self._callback is not None:
            self._callback.stop()
        if self.opening.error is not None:
            self.message.object = ''
            self.wrong.object = f'cannot be opened: {one_line(self.opening.error)}'
            return
        self._holder[:] = [self.make(self.opening.result())]
