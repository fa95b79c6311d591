"""What is at a point of a section: line, time or depth, coordinates, amplitude, probability and label."""

from typing import NamedTuple

import numpy as np

from mmattn.seismic.volumes.slice_picture import short
from mmattn.seismic.volumes.volume import Volume
from mmattn.viewer.lines import name_of, unit_of
from mmattn.viewer.sections import AXES
from mmattn.viewer.survey import Survey


class ReadOut(NamedTuple):
    """What is at a point.

    Args:
        row, column, sample: its positions.
        place: coordinates x and y; None where none are known.
        amplitude: None where there is no trace.
        probability, label, compared: None where there is no such volume, or no trace.
    """

    row: int
    column: int
    sample: int
    place: tuple[float, float] | None
    amplitude: float | None
    probability: float | None
    label: int | None
    compared: float | None = None


def read_out(survey: Survey, direction: str, index: int, down: float, across: float) -> ReadOut | None:
    """Reads what is at a point of a section, from the one trace there.

    Args:
        survey: that is shown.
        direction, index: of the section.
        down, across: of the point, in positions; the nearest is taken.

    Returns:
        None outside the section.
    """
    at = dict(zip(AXES[direction], (int(np.floor(down + 0.5)), int(np.floor(across + 0.5)))), **{direction: index})
    row, column, sample = (at[one] for one in ('iline', 'xline', 'time'))
    if not all(0 <= one < count for one, count in zip((row, column, sample), survey.volume.shape)):
        return None
    shown = survey.volume, survey.probability, survey.label, survey.compare
    values = [_value(one, row, column, sample) for one in shown]
    label = None if values[2] is None else int(values[2])
    return ReadOut(row, column, sample, survey.volume.place(row, column), values[0], values[1], label, values[3])


def describe(survey: Survey, found: ReadOut | None) -> str:
    """A read-out as one line for people."""
    if found is None:
        return 'outside the section'
    volume = survey.volume
    words = [
        f'{name_of(volume, direction)} {short(numbers[position])} {unit_of(volume, direction)}'.rstrip()
        for direction, numbers, position in (
            ('iline', volume.ilines, found.row),
            ('xline', volume.xlines, found.column),
            ('time', volume.samples, found.sample),
        )
    ]
    if found.place is not None:
        words += [f'X {found.place[0]:.2f}', f'Y {found.place[1]:.2f}']
    words.append('no trace' if found.amplitude is None else f'amplitude {found.amplitude:.6g}')
    if found.probability is not None:
        words.append(f'probability {found.probability:.3f}')
    if found.compared is not None:
        words.append(f'{survey.compare.name} {found.compared:.3f}')
    if found.label is not None:
        words.append(f'label {({0: "background", 1: "salt"}).get(found.label, "unknown")}')
    return ' · '.join(words)


def _value(volume: Volume | None, row: int, column: int, sample: int) -> float | None:
    if volume is None or not volume.present[row, column]:
        return None
    return float(volume.thin_slice(sample, slice(row, row + 1), slice(column, column + 1))[0, 0])
