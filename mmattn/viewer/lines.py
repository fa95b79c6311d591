"""Lines and samples by the numbers that the survey gives them."""

import numpy as np

from mmattn.seismic.segy.geometry import line_step
from mmattn.seismic.volumes.slice_picture import short
from mmattn.seismic.volumes.volume import DIRECTIONS, Volume
from mmattn.viewer.tiles import Tiles

_SAMPLE_NAMES = {'ms': 'time', 'm': 'depth', 'ft': 'depth'}


def directions(volume: Volume) -> tuple[str, ...]:
    """Which sections there are: 'iline', 'xline' and 'time'; of a 2-D line and of tiles 'iline' alone."""
    return DIRECTIONS[:1] if volume.is_2d or isinstance(volume, Tiles) else DIRECTIONS


def name_of(volume: Volume, direction: str) -> str:
    """What a section of a direction is called: 'inline', 'crossline', 'time', 'depth', 'sample'.

    The one line of a 2-D survey is a 'line', those of tiles are 'tile', and their traces 'trace'.
    """
    tiles = isinstance(volume, Tiles)
    inline = 'tile' if tiles else 'line' if volume.is_2d else 'inline'
    names = dict(iline=inline, xline='trace' if volume.is_2d or tiles else 'crossline')
    return names.get(direction) or _SAMPLE_NAMES.get(volume.sample_unit, 'sample')


def unit_of(volume: Volume, direction: str) -> str:
    """The unit of a direction's numbers, '' where they are counted."""
    return volume.sample_unit if direction == 'time' and volume.sample_unit != 'sample' else ''


def numbers_of(volume: Volume, direction: str) -> np.ndarray:
    """(n,) line numbers, times or depths of a direction, by position."""
    return dict(iline=volume.ilines, xline=volume.xlines, time=volume.samples)[direction]


def title_of(volume: Volume, direction: str, position: int) -> str:
    """What a section is, in words: 'inline 120', 'time 1200 ms', 'tile 3, a1b2' of tiles."""
    number = short(numbers_of(volume, direction)[position].item())
    title = f'{name_of(volume, direction)} {number} {unit_of(volume, direction)}'.rstrip()
    return f'{title}, {volume.names[position]}' if isinstance(volume, Tiles) else title


def find_line(volume: Volume, direction: str, text: str | float) -> int:
    """Finds a section by its number.

    Args:
        volume: that has it.
        direction: 'iline', 'xline' or 'time'.
        text: line number, time or depth, as typed; of times and depths the nearest sample is taken.

    Returns:
        The position, from 0.

    Raises:
        ValueError: if there is none; names the number and what is allowed.
    """
    numbers, name = numbers_of(volume, direction), name_of(volume, direction)
    try:
        wanted = float(text)
    except ValueError:
        wanted = np.nan
    low, high = numbers.min(), numbers.max()
    allowed = f'{name} must be a number from {short(low)} to {short(high)}'
    if unit := unit_of(volume, direction):
        allowed += f' {unit}'
    if not low <= wanted <= high:
        raise ValueError(f'{allowed}, got {text!r}')
    position = int(np.argmin(np.abs(numbers - wanted)))
    if direction == 'time' or numbers[position] == wanted:
        return position
    step = line_step(numbers)
    steps = f' in steps of {step}' if step else ''
    raise ValueError(f'{allowed}{steps} that is in the survey, got {text!r}; the nearest is {numbers[position]}')
