"""Salt labels in volumes: which value is salt, which is neither, and whether a label belongs to its amplitudes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from mmattn.seismic.volumes.amplitude import drawn_places
from mmattn.seismic.volumes.fill_values import equals_any, is_usual
from mmattn.seismic.volumes.grids import have_same_lines
from mmattn.seismic.volumes.volume import Volume

IGNORED = 255
"""In masks: neither salt nor background."""
_MOST_CLASSES = 256
_HELP = "salt_value=… says which value is salt (a number, a list, or '>0.5'), ignore_value=… which is neither"


@dataclass(frozen=True)
class LabelValues:
    """What the values of a label mean.

    Args:
        salt_value: a number or several; a text such as '>0.5' for all above a number; None expects 0 and 1 (salt), or
            probabilities from 0 to 1, salt above 0.5.
        ignore_value: a number or several that are neither salt nor background; () where there are none. None where
            nobody said: values that often mean it (255, negative ones, fill values) are then an error. NaN and
            infinities are always ignored.

    Raises:
        TypeError: if a value is no number.
        ValueError: if one is not finite, or is salt and ignored at once.
    """

    salt_value: tuple[float, ...] | str | None = None
    ignore_value: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        salt = self.salt_value
        if isinstance(salt, str):
            _threshold(salt)
        elif salt is not None:
            salt = _numbers('salt_value', salt)
            if not salt:
                raise ValueError("salt_value must be None, a number, a list of numbers or a text like '>0.5', got []")
        object.__setattr__(self, 'salt_value', salt)
        ignore = self.ignore_value
        object.__setattr__(self, 'ignore_value', None if ignore is None else _numbers('ignore_value', ignore))
        if not isinstance(salt, str) and (both := set(salt or ()) & set(self.ignore_value or ())):
            raise ValueError(f'{min(both):g} is both salt_value and ignore_value')

    def to_mask(self, name: str, values: np.ndarray, bad: np.ndarray | None = None) -> np.ndarray:
        """Turns samples of a label into a mask.

        Args:
            name: of the label, for errors.
            values: float32 of any shape, finite.
            bad: of the same shape, samples that were not finite.

        Returns:
            uint8: 1 salt, 0 background, 255 ignored.

        Raises:
            ValueError: if a value is not accounted for; lists the values.
        """
        ignored = equals_any(values, self.ignore_value or ())
        if bad is not None:
            ignored |= bad
        strange = self._strange(values) & ~ignored
        if strange.any():
            raise ValueError(_describe(name, values[~ignored], values[strange], self.salt_value is not None))
        mask = self._is_salt(values).astype(np.uint8)
        mask[ignored] = IGNORED
        return mask

    def _is_salt(self, values: np.ndarray) -> np.ndarray:
        if self.salt_value is None:
            return values > 0.5
        if isinstance(self.salt_value, str):
            return values > np.float32(_threshold(self.salt_value))
        return equals_any(values, self.salt_value)

    def _strange(self, values: np.ndarray) -> np.ndarray:
        """Values that nobody accounted for."""
        if self.salt_value is None:
            return (values < 0) | (values > 1)
        if self.ignore_value is not None:
            return np.zeros(values.shape, bool)
        strange = (values < 0) | (values == 255)
        big = np.abs(values) >= 999
        strange[big] |= is_usual(values[big])
        return strange if isinstance(self.salt_value, str) else strange & ~self._is_salt(values)


def check_label(values: LabelValues, amplitude: Volume, label: Volume, *, num_traces: int = 2000) -> dict[str, float]:
    """Checks a sample of a label's traces against what its values should mean.

    Args:
        values: what they mean.
        amplitude: the amplitudes, on the same grid.
        label: the label.
        num_traces: how many traces are looked at.

    Returns:
        ``traces`` looked at, the shares of ``salt``, ``ignored`` and ``between`` (neither 0 nor 1) of their samples,
        and ``thickness``, the most samples of salt in a trace.

    Raises:
        ValueError: if a value is not accounted for, the label holds amplitudes, or no sample is salt though
            ``salt_value`` names it.
    """
    rows, columns = next(drawn_places(label.present, num_traces, seed=0), (np.empty(0, int),) * 2)
    samples = label.traces(rows, columns)
    distinct = np.unique(samples)
    if len(distinct) > 2 and np.array_equal(samples, amplitude.traces(rows, columns)):
        raise ValueError(f'{label.name} holds the amplitudes themselves, not a label')
    whole = not isinstance(values.salt_value, str) and len(distinct) > _MOST_CLASSES
    if whole and values.salt_value is not None:
        raise ValueError(
            f'{label.name} holds more than {_MOST_CLASSES} values, {_listed(distinct)}: amplitudes, a horizon or a '
            f"property? As a label it has classes; salt_value='>0.5' takes all above a number as salt"
        )
    mask = values.to_mask(label.name, samples)
    between = float(((samples > 0.05) & (samples < 0.95)).mean()) if samples.size else 0.0
    if values.salt_value is None and between > 0.5:
        raise ValueError(
            f'{label.name}: {between:.0%} of the samples lie between 0.05 and 0.95, so these are no labels of 0 and 1; '
            "if they are probabilities, salt_value='>0.5' says so"
        )
    if isinstance(values.salt_value, tuple) and not (mask == 1).any() and not _has_salt(values, label):
        raise ValueError(
            f'{label.name} has no sample of salt_value={_shown(values.salt_value)}; it holds {_listed(distinct)}'
        )
    shares = dict(salt=mask == 1, ignored=mask == IGNORED)
    shares = {name: float(where.mean()) if where.size else 0.0 for name, where in shares.items()}
    thickness = int((mask == 1).sum(axis=1).max(initial=0))
    return dict(traces=len(samples), **shares, between=between, thickness=thickness)


def check_same_grid(amplitude: Volume, label: Volume) -> None:
    """Raises ValueError, naming both values, unless a label has the lines, interval and start of its amplitudes."""
    if not have_same_lines(amplitude, label):
        raise ValueError(
            f'the label is on another grid: {_grid(label)}, amplitudes {_grid(amplitude)}{_guess(amplitude, label)}'
        )
    units = amplitude.sample_unit, label.sample_unit
    if 'sample' in units:
        return
    if units[0] != units[1]:
        raise ValueError(
            f'the label {label.name} is in {units[1]}, the amplitudes {amplitude.name} in {units[0]} (sample_unit)'
        )
    for what, option, mine, theirs, tolerance in (
        ('interval', 'sample_interval', amplitude.sample_interval, label.sample_interval, 0.1 / amplitude.shape[2]),
        ('start', 'start_time', float(amplitude.samples[0]), float(label.samples[0]), 0.01),
    ):
        if abs(mine - theirs) > tolerance * amplitude.sample_interval:
            raise ValueError(
                f'the label {label.name} has another {what}: {theirs:.6g} {units[0]}, the amplitudes {amplitude.name} '
                f'{mine:.6g} {units[0]}; if its headers are wrong, label_options=dict({option}={mine:.6g}) mends it'
            )


def _has_salt(values: LabelValues, label: Volume) -> bool:
    """Whether any sample is salt; reads until one is."""
    return any((values.to_mask(label.name, label.section('iline', k)) == 1).any() for k in range(label.shape[0]))


def _grid(volume: Volume) -> str:
    ilines, xlines = volume.ilines, volume.xlines
    lines = f'inlines {ilines[0]} to {ilines[-1]} and crosslines {xlines[0]} to {xlines[-1]}'
    return f'{volume.name} {volume.shape} of {lines}'


def _guess(amplitude: Volume, label: Volume) -> str:
    if label.is_2d and label.shape[1:] == amplitude.shape[:2]:
        return '; is it a map (a horizon)? A label has a value for each sample'
    if sorted(label.shape) == sorted(amplitude.shape) and label.shape != amplitude.shape:
        return '; the axes must be (inlines, crosslines, samples)'
    return ''


def _describe(name: str, values: np.ndarray, strange: np.ndarray, said: bool) -> str:
    found = _listed(np.unique(values))
    if not said:
        return f'label {name} holds the values {found}; expected 0 and 1 (salt): {_HELP}'
    return (
        f'label {name} holds the values {found}, of which {_listed(np.unique(strange))} often mean neither: '
        'ignore_value=… says which are neither, ignore_value=[] that they are background'
    )


def _listed(distinct: np.ndarray) -> str:
    shown = [f'{one:.6g}' for one in (distinct if len(distinct) <= 8 else [*distinct[:4], *distinct[-3:]])]
    if len(distinct) > 8:
        shown.insert(4, '…')
    return ', '.join(shown)


def _shown(values: Sequence[float]) -> str:
    return f'{values[0]:g}' if len(values) == 1 else '[' + ', '.join(f'{one:g}' for one in values) + ']'


def _numbers(name: str, given: float | Sequence[float]) -> tuple[float, ...]:
    values = tuple(given) if isinstance(given, list | tuple) else (given,)
    for one in values:
        if isinstance(one, bool) or not isinstance(one, Real):
            raise TypeError(f'{name} must be None, a number or a list of numbers, got {given!r}')
        if not math.isfinite(one):
            raise ValueError(f'{name} must be finite, got {one!r}: samples that are not finite are ignored anyway')
    return tuple(float(one) for one in values)


def _threshold(text: str) -> float:
    try:
        value = float(text.removeprefix('>')) if text.startswith('>') else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"salt_value must be None, a number, a list of numbers or a text like '>0.5', got {text!r}")
    return value
