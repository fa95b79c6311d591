"""A SEG-Y file as a volume."""

import os
import struct
from collections.abc import Iterator

import numpy as np

from mmattn.common.checks import check_number, check_positive
from mmattn.seismic.segy.arrange import Arranged, arrange_traces
from mmattn.seismic.segy.bins import plane_steps
from mmattn.seismic.segy.formats import not_finite, to_float32
from mmattn.seismic.segy.geometry import DUPLICATES, GEOMETRIES
from mmattn.seismic.segy.headers import (
    COORDINATE_SCALAR,
    COORDINATE_UNITS,
    iterate_windows,
    read_words,
)
from mmattn.seismic.segy.layout import HEAD, read_layout
from mmattn.seismic.segy.reading import TraceReader, find_runs
from mmattn.seismic.segy.text import SIZE, decode_text
from mmattn.seismic.segy.words import parse_word
from mmattn.seismic.volumes.volume import Volume

UNITS = ('ms', 'm', 'ft')
ANGLES = {2: 'arcsec', 3: 'deg', 4: 'dms'}
"""Units of coordinates that are angles, by bytes 89-90: arc seconds; decimal degrees; degrees, minutes and seconds."""
LENGTHS = {1: 'm', 2: 'ft'}
"""Units of other coordinates, by bytes 3255-3256."""
METRES = dict(m=1.0, ft=0.3048)
"""Metres in a unit of length."""
COORDINATES = (*LENGTHS.values(), *ANGLES.values())
"""What ``coordinate_unit`` may be."""
_LARGEST_SCALAR = 2**31 - 1


class SegyVolume(Volume):
    """A post-stack SEG-Y file: 3-D in any order of traces, with gaps, or a 2-D line.

    Opening reads the headers of all traces and no sample. Words of the trace headers are named by their first byte,
    counted from 1 as the standard does; a word is then as long as the standard's word that starts there (2 or 4 bytes),
    and 4 bytes where none starts. A text names the type, too: '21:int16', '9:int32', '181:float32', '181:ibm'.

    Args:
        path: of the file.
        iline, xline: words of inline and crossline number in the trace header.
        cdp_x, cdp_y: words of the coordinates.
        coordinate_scalar: of the coordinates, in place of bytes 71-72 and with their meaning: positive numbers
            multiply, negative ones divide (-100: by 100), 0 is 1.
        coordinate_unit: 'm' or 'ft', 'arcsec', 'deg' or 'dms' (angles, which have no spacing and no area), in place
            of bytes 3255-3256 and 89-90.
        endian: byte order 'big', 'little' or 'auto'.
        geometry: '3d', '2d' or 'auto', see :func:`mmattn.seismic.segy.arrange.arrange_traces`.
        duplicates: 'error', or which of several traces at one place is taken, 'first' or 'last' in the file.
        num_samples: a trace, in place of the binary header's.
        sample_unit: 'ms', 'm' or 'ft'. The standard's headers know time only; depth files store thousandths of
            their unit in place of microseconds.
        format, num_text_headers, allow_truncated: what holds in place of a wrong or damaged head, see
            :func:`mmattn.seismic.segy.layout.read_layout`.
        sample_interval, start_time: in ``sample_unit``, in place of the headers'.

    Attributes:
        header_options: options that are not at their default and say how trace headers are read, which a copy keeps.

    Raises:
        FileNotFoundError: if there is no such file.
        SegyError: if the file cannot be used; says what was found and which option could help.
        ValueError: if an option is not allowed.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        iline: int | str = 189,
        xline: int | str = 193,
        cdp_x: int | str = 181,
        cdp_y: int | str = 185,
        endian: str = 'auto',
        geometry: str = 'auto',
        duplicates: str = 'error',
        num_samples: int | None = None,
        sample_unit: str = 'ms',
        format: int | None = None,
        num_text_headers: int | None = None,
        allow_truncated: bool = False,
        sample_interval: float | None = None,
        start_time: float | None = None,
        coordinate_scalar: int | None = None,
        coordinate_unit: str | None = None,
    ) -> None:
        for option, value, allowed in (
            ('geometry', geometry, GEOMETRIES),
            ('duplicates', duplicates, DUPLICATES),
            ('sample_unit', sample_unit, UNITS),
            ('coordinate_unit', coordinate_unit, (None, *COORDINATES)),
        ):
            if value not in allowed:
                raise ValueError(f'{option} must be one of {", ".join(map(repr, allowed))}, got {value!r}')
        lines = parse_word('iline', iline), parse_word('xline', xline)
        if lines[0].byte == lines[1].byte:
            raise ValueError(f'iline and xline must be different byte positions, got {lines[0].byte} for both')
        self.coordinate_words = parse_word('cdp_x', cdp_x), parse_word('cdp_y', cdp_y)
        given = dict(
            iline=lines[0].option, xline=lines[1].option, cdp_x=self.coordinate_words[0].option,
            cdp_y=self.coordinate_words[1].option, geometry=geometry, duplicates=duplicates, sample_unit=sample_unit,
            sample_interval=sample_interval, start_time=start_time, coordinate_scalar=coordinate_scalar,
            coordinate_unit=coordinate_unit,
        )  # fmt: skip
        defaults = type(self).__init__.__kwdefaults__
        self.header_options = {name: value for name, value in given.items() if value != defaults[name]}
        self.coordinate_scalar = None if coordinate_scalar is None else _check_scalar(coordinate_scalar)
        self._unit = coordinate_unit
        if sample_interval is not None:
            check_positive('SEG-Y', 'sample_interval', sample_interval)
        if start_time is not None:
            check_number('start_time', start_time)
        self.layout = read_layout(
            path,
            endian=endian,
            num_samples=num_samples,
            format=format,
            num_text_headers=num_text_headers,
            allow_truncated=allow_truncated,
        )
        self.path = self.layout.path
        self.line_words = lines
        arranged = arrange_traces(self.layout, iline=lines[0], xline=lines[1], geometry=geometry, duplicates=duplicates)
        self.ilines, self.xlines = arranged.geometry.ilines, arranged.geometry.xlines
        self.is_2d, self.strides = arranged.geometry.is_2d, arranged.geometry.strides
        if self.strides is None:
            self.trace_index = arranged.geometry.trace_index
            self.usable = self.present & ~arranged.marked_dead[self.trace_index]
        else:
            self.usable = self.present
        self.notes = (*self.layout.notes, *arranged.geometry.notes)
        self._reader = TraceReader(self.layout)
        self._set_samples(sample_unit, arranged, sample_interval, start_time)

    @property
    def num_traces(self) -> int:
        """Traces in the file."""
        return self.layout.num_traces

    @property
    def text(self) -> list[str]:
        """Lines of the textual header and its extensions."""
        head = self.read_bytes(0, self.layout.data_start)
        blocks = [
            head[:SIZE],
            *(head[at : at + SIZE] for at in range(HEAD, HEAD + SIZE * self.layout.num_extended, SIZE)),
        ]
        return [line for block in blocks for line in decode_text(block)]

    @property
    def coordinate_unit(self) -> str:
        """Unit of the coordinates, as given or as headers say: 'm', 'ft', 'arcsec', 'deg', 'dms'; '' if none does."""
        if self._unit is not None:
            return self._unit
        angle = ANGLES.get(most_common(self.header(COORDINATE_UNITS)))
        return angle or LENGTHS.get(struct.unpack(self.layout.endian + 'h', self.read_bytes(3254, 2))[0], '')

    @property
    def length_unit(self) -> str:
        """Unit of the coordinates where they are lengths: 'm', 'ft' or ''."""
        unit = self.coordinate_unit
        return unit if unit in LENGTHS.values() else ''

    def read_bytes(self, start: int, count: int) -> bytes:
        """Reads bytes of the file as they are."""
        with open(self.path, 'rb') as file:
            file.seek(start)
            return file.read(count)

    def header(self, byte: int | str) -> np.ndarray:
        """Reads a header word of all traces: (num_traces,) int32 (float64 of floats) in the file's order."""
        return read_words(self.layout, dict(word=parse_word('byte', byte)))['word']

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads the coordinates of all traces, the scalar applied: x and y, (I, X) float64, NaN if missing."""
        words = dict(x=self.coordinate_words[0], y=self.coordinate_words[1], scalar=COORDINATE_SCALAR)
        words = read_words(self.layout, words)
        scalar = words['scalar'] if self.coordinate_scalar is None else np.array([self.coordinate_scalar])
        factor = scale_factor(scalar)
        x, y = (np.where(self.present, (words[name] * factor)[self.trace_index], np.nan) for name in ('x', 'y'))
        return x, y

    def place(self, row: int, column: int) -> tuple[float, float] | None:
        """The coordinates x and y of one trace, the scalar applied; None where the trace is missing or has 0 for both.

        Args:
            row, column: positions of inline and crossline, from 0.
        """
        position = int(self.positions(row, column))
        if position < 0:
            return None
        header = self._reader.read_raw(position, 1)['header'].tobytes()
        words = *self.coordinate_words, parse_word('scalar', COORDINATE_SCALAR)
        x, y, scalar = (
            word.decode(np.frombuffer(header, word.dtype(self.layout.endian), 1, word.byte - 1)) for word in words
        )
        factor = scale_factor(scalar if self.coordinate_scalar is None else np.array([self.coordinate_scalar]))[0]
        return (float(x[0] * factor), float(y[0] * factor)) if x[0] or y[0] else None

    @property
    def usual_factor(self) -> float:
        """What the coordinates of most traces are multiplied by."""
        scalar = self.coordinate_scalar
        return float(
            scale_factor(np.array([most_common(self.header(COORDINATE_SCALAR)) if scalar is None else scalar]))[0]
        )

    @property
    def has_angles(self) -> bool:
        """Whether coordinates are angles (bytes 89-90: 2 arc seconds, 3 degrees, 4 degrees, minutes and seconds)."""
        return self.coordinate_unit in ANGLES.values()

    def bin_size(self) -> tuple[float, float] | None:
        """Distances between neighbouring inlines and between neighbouring crosslines, in ``length_unit``.

        Returns:
            (inline spacing, crossline spacing), for the usual step of the line numbers; None for a 2-D line and where
            the coordinates say nothing or are angles.
        """
        steps = self._bin_steps()
        return None if steps is None else (float(np.hypot(*steps[0])), float(np.hypot(*steps[1])))

    def bin_area(self) -> float | None:
        """Area of a bin in square ``length_unit``, also of skewed grids; None where :meth:`bin_size` is."""
        steps = self._bin_steps()
        return None if steps is None else float(abs(steps[0, 0] * steps[1, 1] - steps[0, 1] * steps[1, 0]))

    def _bin_steps(self) -> np.ndarray | None:
        """(2, 2) x and y of the step from inline to inline and from crossline to crossline."""
        if self.is_2d or self.has_angles:
            return None
        x, y = self.coordinates()
        known = self.usable & ((x != 0) | (y != 0)) & np.isfinite(x) & np.isfinite(y)
        return plane_steps(self.ilines, self.xlines, x, y, known)

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()

    def _set_samples(self, unit: str, arranged: Arranged, interval: float | None, start: float | None) -> None:
        """Interval and start: as given, of the binary header, else of the traces that are not dead."""
        if interval is None:
            interval = self._stated_interval(arranged) / 1000
        if interval:
            self.sample_interval, self.sample_unit = float(interval), unit
        else:
            self.sample_interval, self.sample_unit = 1.0, 'sample'
            self.notes += ('no sample interval in bytes 3217-3218 or 117-118: samples are counted',)
        self.delay = self._stated_start(arranged) if start is None else float(start)
        self.samples = self.delay + self.sample_interval * np.arange(self.layout.num_samples)

    def _stated_interval(self, arranged: Arranged) -> float:
        """In microseconds; revision 2 has it as a double, too, which holds where it agrees with the whole number."""
        head = self.read_bytes(0, HEAD)
        interval = struct.unpack_from(self.layout.endian + 'H', head, 3216)[0] or most_common(arranged.interval)
        exact = struct.unpack_from(self.layout.endian + 'd', head, 3272)[0] if self.layout.revision >= 2 else 0.0
        if not exact:
            return interval
        if 1e-3 <= exact <= 1e9 and (not interval or abs(exact - interval) < 1):
            return exact
        if interval:
            self.notes += (f'bytes 3273-3280 give the interval {exact:.6g}, bytes 3217-3218 {interval}: that is taken',)
        return interval

    def _stated_start(self, arranged: Arranged) -> float:
        delays = arranged.delay
        if delays.min() != delays.max():
            self.notes += (
                f'the delay (bytes 109-110) varies from {delays.min()} to {delays.max()}; that of the first trace is '
                'taken for all',
            )
        return float(stated_times(delays[:1], int(arranged.time_scalar[0]), self.layout.revision)[0])

    def _read(self, positions: np.ndarray, out: np.ndarray) -> None:
        self._reader.read(positions, out)

    def _time_slice(self, index: int) -> np.ndarray:
        values = np.empty(self.num_traces + 1, np.float32)
        values[-1] = 0  # missing traces have the position -1
        for start, traces in iterate_windows(self.layout):
            samples = np.ascontiguousarray(traces['samples'][:, index])
            values[start : start + len(traces)] = to_float32(samples, self.layout.format)[0]
        return values[self.trace_index]

    def _thin_slice(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        positions = self.positions(rows, columns)
        out = np.empty(positions.shape, np.float32)
        self._reader.read_samples(positions.ravel(), index, out.reshape(-1))
        return out

    def _find_bad(self, positions: np.ndarray) -> np.ndarray:
        bad = np.zeros((len(positions), self.layout.num_samples), bool)
        if not self.layout.format.is_float:
            return bad
        order = np.argsort(positions, kind='stable')
        ranked = positions[order]
        for start, stop in find_runs(ranked, int(np.searchsorted(ranked, 0)), 1024):
            samples = self._reader.read_raw(int(ranked[start]), stop - start)['samples']
            bad[order[start:stop]] = not_finite(samples, self.layout.format)
        return bad

    def _scan_blocks(self) -> Iterator[tuple[int, np.ndarray, int]]:
        for start, traces in iterate_windows(self.layout):
            values, bad = to_float32(traces['samples'], self.layout.format)
            yield start, values, bad


def _check_scalar(value: int) -> int:
    """A coordinate scalar as bytes 71-72 have it."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or abs(value) > _LARGEST_SCALAR:
        raise ValueError(
            'coordinate_scalar must be None or a whole number as bytes 71-72 have it (100 multiplies by 100, -100 '
            f'divides by 100), got {value!r}'
        )
    return int(value)


def scale_factor(scalar: np.ndarray) -> np.ndarray:
    """Factors from SEG-Y scalars: positive ones multiply, negative ones divide, 0 is 1."""
    scalar = scalar.astype(np.float64)
    return np.where(scalar < 0, 1 / np.minimum(scalar, -1) * -1, np.maximum(scalar, 1))


def stated_times(times: np.ndarray, scalar: int, revision: int) -> np.ndarray:
    """Times of trace headers in milliseconds; the scalar (bytes 215-216) holds since revision 1 where it is usual."""
    usual = revision >= 1 and abs(scalar) in (1, 10, 100, 1000, 10000)
    return times * scale_factor(np.array([scalar if usual else 1]))[0]


def most_common(values: np.ndarray) -> int:
    """The value that occurs most often, zeros passed over; 0 where there is none."""
    found, counts = np.unique(values[values != 0], return_counts=True)
    return int(found[counts.argmax()]) if found.size else 0
