"""The widgets of a page, and where they stand. Needs Panel."""

import panel as pn

from mmattn.viewer import colours
from mmattn.viewer.lines import directions, name_of, numbers_of
from mmattn.viewer.survey import Survey

_WIDTH = 320


def lines_of_text(text: str, colour: str = '#000000', **options: object) -> pn.pane.Str:
    """Text that goes on in the next line where it is too long for its width, in a colour."""
    sheets = [f'pre {{ white-space: pre-wrap; overflow-wrap: anywhere; color: {colour}; }}']
    return pn.pane.Str(text, stylesheets=sheets, **options)


class Controls:
    """What stands beside and below the picture of one browser tab.

    Args:
        survey: to look at.

    Attributes:
        choice, slider, number: of the section; not on the page where there is one alone.
        colours, wiggles, gain: of the amplitudes.
        opacity, threshold, label_opacity: of what lies over them.
        line: whether clicks are corners of a line.
        notes: what is odd about the survey.
        message: what went wrong.
        reading: what is under the cursor.
        attention: picture of what a network sees.
    """

    def __init__(self, survey: Survey) -> None:
        volume = survey.volume
        self._survey, names = survey, directions(survey.volume)
        options = {name_of(volume, name): name for name in names}
        self.choice = pn.widgets.RadioButtonGroup(label='section', options=options, value=names[0])
        self.slider = pn.widgets.DiscreteSlider(label='line', options=[0])
        self.number = pn.widgets.TextInput(label='number')
        self.colours = pn.widgets.Select(label='colours', options=list(colours.MAPS))
        self.wiggles = pn.widgets.Checkbox(label='wiggles', value=False)
        self.gain = pn.widgets.FloatSlider(label='gain [dB]', start=-20, end=40, step=1, value=0)
        self.opacity = pn.widgets.FloatSlider(label='opacity of the probability', start=0, end=1, step=0.05, value=0.5)
        self.threshold = pn.widgets.FloatSlider(label='outline at', start=0.01, end=0.99, step=0.01, value=0.5)
        self.label_opacity = pn.widgets.FloatSlider(label='opacity of the label', start=0, end=1, step=0.05, value=0.3)
        self.line = pn.widgets.Toggle(label='line: click its corners on a slice', value=False)
        self.notes = lines_of_text('\n'.join(volume.notes), '#666666', width=_WIDTH - 20)
        self.message = lines_of_text('', '#b00020', width=_WIDTH - 20)
        self.reading = pn.pane.Str('', height=24)
        self.attention = pn.pane.PNG(None, max_height=320)

    def beside(self, *more: object) -> pn.Column:
        """The widgets that this survey has a use for, and more below them."""
        survey = self._survey
        is_alone = len(self.choice.options) == 1 and len(numbers_of(survey.volume, self.choice.value)) == 1
        shown = [] if is_alone else [self.choice, self.slider, self.number]
        shown += [self.colours, self.wiggles, self.gain]
        if survey.probability is not None or survey.compare is not None:
            shown += [self.opacity, self.threshold]
        if survey.label is not None:
            shown.append(self.label_opacity)
        if 'time' in directions(survey.volume):
            shown.append(self.line)
        return pn.Column(*shown, *more, self.notes, self.message, width=_WIDTH)
