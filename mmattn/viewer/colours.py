"""Amplitudes, probabilities and labels as levels of a colour table."""

import numpy as np

from mmattn.seismic import scale_amplitude
from mmattn.seismic.volumes.labels import IGNORED

MAPS = dict(
    grey=((0, 0, 0), (1, 1, 1)),
    seismic=((0, 0, 0.3), (0, 0, 1), (1, 1, 1), (1, 0, 0), (0.5, 0, 0)),
)
"""Colour maps of amplitudes: evenly spaced red, green and blue of Matplotlib's ``gray`` and ``seismic``."""
ABSENT = 255
"""Level of places without a trace."""
_REACH = 127  # levels on each side of zero amplitude
_CLEAR = '#00000000'
_SALT, _UNKNOWN, _NOT_SALT = '#e69f00', '#999999', '#009e73'
_PROBABILITY = '#56b4e9'


def amplitude_palette(name: str) -> list[str]:
    """The 256 colours of a map: 0 to 254 for amplitudes, zero at 127, and nothing where there is no trace.

    Raises:
        ValueError: if there is no such map.
    """
    if name not in MAPS:
        raise ValueError(f'colours must be one of {", ".join(map(repr, MAPS))}, got {name!r}')
    at = np.linspace(0, 1, 2 * _REACH + 1)
    known = np.linspace(0, 1, len(MAPS[name]))
    levels = np.rint(255 * np.stack([np.interp(at, known, colour) for colour in zip(*MAPS[name])], axis=1))
    return [*(f'#{red:02x}{green:02x}{blue:02x}' for red, green, blue in levels.astype(int).tolist()), _CLEAR]


def amplitude_levels(values: np.ndarray, present: np.ndarray, clip: float, gain: float = 0.0) -> np.ndarray:
    """Amplitudes as uint8 levels of :func:`amplitude_palette`.

    Args:
        values: of any shape.
        present: of the same shape, where a trace is.
        clip: amplitude of the last colour.
        gain: in dB; 20 makes a tenth of the clip the last colour.
    """
    scaled = scale_amplitude(values, clip / 10 ** (gain / 20))
    return np.where(present, np.rint(_REACH + _REACH * scaled), ABSENT).astype(np.uint8)


def probability_palette() -> list[str]:
    """256 colours, from clear to sky blue."""
    return [f'{_PROBABILITY}{level:02x}' for level in range(256)]


def probability_levels(values: np.ndarray) -> np.ndarray:
    """Probabilities as uint8 levels of :func:`probability_palette`."""
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def label_palette(sparse: bool = False) -> list[str]:
    """Colours of :func:`label_levels`: clear, orange (salt), grey (unknown).

    Args:
        sparse: for labels that are mostly unknown: green (not salt), orange, clear.
    """
    return [_NOT_SALT, _SALT, _CLEAR] if sparse else [_CLEAR, _SALT, _UNKNOWN]


def label_levels(values: np.ndarray) -> np.ndarray:
    """Labels 0, 1 and 255 as levels 0, 1 and 2."""
    return np.where(values == IGNORED, 2, values > 0.5).astype(np.uint8)
