"""Where things lie in a SEG-Y file: byte order, header blocks, trace length. Reads the head and a few trace headers."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmattn.common.checks import check_flag, check_whole
from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.formats import FORMATS, SampleFormat, get_format, is_format
from mmattn.seismic.segy.text import EBCDIC, SIZE

BINARY = 400
TRACE_HEADER = 240
LAYOUT_OPTIONS = ('endian', 'num_samples', 'format', 'num_text_headers', 'allow_truncated')
"""Options of :func:`read_layout`."""
HEAD = SIZE + BINARY
_BYTE_ORDER_MARK = 16909060  # bytes 3297-3300 since revision 2.0
_MOST_STANZAS = 10_000
_MOST_TRAILERS = 32
_ASKED_TRACES = 500


@dataclass(frozen=True)
class Layout:
    """Where things lie in a file.

    Args:
        path: of the file.
        file_size: in bytes.
        endian: '>' (big, the standard's) or '<'.
        revision: major revision number, 0 where the file does not say.
        format: of the samples.
        num_samples: a trace.
        num_traces: in the file.
        num_extended: extended textual headers.
        num_trailers: blocks of 3200 bytes behind the traces.
        first_trace: offset of the first trace as revision 2 states it; 0 where it follows the textual headers.
        is_truncated: whether bytes behind the last whole trace were left out because ``allow_truncated`` asked for it.
        notes: what is odd, in words.
    """

    path: str
    file_size: int
    endian: str
    revision: int
    format: SampleFormat
    num_samples: int
    num_traces: int
    num_extended: int = 0
    num_trailers: int = 0
    first_trace: int = 0
    is_truncated: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def data_start(self) -> int:
        """Offset of the first trace."""
        return self.first_trace or HEAD + SIZE * self.num_extended

    @property
    def trace_size(self) -> int:
        """Bytes of a trace with its header."""
        return TRACE_HEADER + self.num_samples * self.format.size

    @property
    def data_end(self) -> int:
        """Offset behind the last trace."""
        return self.data_start + self.num_traces * self.trace_size


def read_layout(
    path: str | os.PathLike,
    *,
    endian: str = 'auto',
    num_samples: int | None = None,
    format: int | None = None,
    num_text_headers: int | None = None,
    allow_truncated: bool = False,
) -> Layout:
    """Reads and checks the head of a file.

    Args:
        path: a SEG-Y file.
        endian: 'big', 'little' or 'auto', which goes by the sample format.
        num_samples: a trace; None takes the binary header's.
        format: code of the sample format, see :data:`FORMATS`; None takes the binary header's.
        num_text_headers: extended textual headers between binary header and first trace; None takes the binary
            header's.
        allow_truncated: whether bytes behind the last whole trace, a cut one say, are passed over.

    Raises:
        FileNotFoundError: if there is no such file.
        TypeError: if an option is of the wrong kind.
        ValueError: if an option is not allowed.
        SegyError: if this is no SEG-Y file, or not a whole one.
    """
    path = Path(path)
    if endian not in ('auto', 'big', 'little'):
        raise ValueError(f"endian must be 'auto', 'big' or 'little', got {endian!r}")
    whole = isinstance(num_samples, int | np.integer) and not isinstance(num_samples, bool)
    if num_samples is not None and not (whole and 1 <= num_samples < 2**31):
        raise ValueError(f'num_samples must be None or at least 1, got {num_samples!r}')
    if format is not None and check_whole('format', format) not in FORMATS:
        known = ', '.join(f'{known.code} ({known.name})' for known in FORMATS.values())
        raise ValueError(f'format must be None or one of {known}; got {format}')
    if num_text_headers is not None:
        check_whole('num_text_headers', num_text_headers)
    check_flag('SEG-Y', 'allow_truncated', allow_truncated)
    if not path.exists():
        raise FileNotFoundError(f'SEG-Y file {str(path)!r} does not exist')
    if not path.is_file():
        raise SegyError(f'{path} is not a file')
    size = path.stat().st_size
    if size < HEAD + TRACE_HEADER:
        raise SegyError(
            f'{path} has {size} bytes; a SEG-Y file has at least {HEAD + TRACE_HEADER}: headers and one trace'
        )
    with path.open('rb') as file:
        head = file.read(HEAD + TRACE_HEADER)
        order = _byte_order(path, head, endian, format)
        return _Fit(path, file, head, size, order, format, num_samples, num_text_headers).find(allow_truncated)


def _number(head: bytes, order: str, kind: str, byte: int) -> int:
    """A number of the binary header; ``byte`` counts from 1 as the standard does."""
    return struct.unpack_from(order + kind, head, byte - 1)[0]


def _byte_order(path: Path, head: bytes, endian: str, given: int | None) -> str:
    """'>' or '<', by the byte order mark of revision 2 or by which order makes the sample format a known one."""
    codes = {order: _number(head, order, 'h', 3225) for order in '><'}
    if endian != 'auto':
        order = '>' if endian == 'big' else '<'
        other = '<' if order == '>' else '>'
        if given is None and not is_format(codes[order]) and is_format(codes[other]):
            raise SegyError(
                f'{path}: endian={endian!r} gives the sample format {codes[order]}, which is none; '
                f"the other byte order gives {codes[other]}: try endian='auto'"
            )
        return order
    marked = [order for order in '><' if _number(head, order, 'i', 3297) == _BYTE_ORDER_MARK]
    for order in (*marked, '>', '<'):
        if is_format(codes[order]):
            return order
    if given is not None:  # a count read in the wrong byte order is large
        counts = {order: _number(head, order, 'H', 3221) for order in '><'}
        return min('><', key=lambda order: counts[order] or 1 << 16)
    raise SegyError(
        f'{path} is no SEG-Y file, or its binary header is broken: bytes 3225-3226 should hold the sample format, '
        f'they hold {codes[">"]} (big endian) or {codes["<"]} (little endian). If it is one, format=… says what the '
        'samples are: 5 (IEEE floats), 1 (IBM floats) or another code'
    )


def _count_stanzas(file: BinaryIO, stated: int, size: int) -> int:
    """Number of extended textual headers; -1 in the binary header means that the last one says so."""
    if stated != -1:
        return max(stated, 0)
    for count in range(1, min(_MOST_STANZAS, (size - HEAD) // SIZE) + 1):
        file.seek(HEAD + (count - 1) * SIZE)
        block = file.read(SIZE)
        if any('SEG:ENDTEXT' in block[:80].decode(codec).replace(' ', '').upper() for codec in (EBCDIC, 'latin-1')):
            return count
    return 0


def _count_texts(file: BinaryIO) -> int:
    """Blocks behind the binary header that are text: all printable, in EBCDIC or ASCII, but for line ends."""
    count = 0
    while count < _MOST_STANZAS:
        file.seek(HEAD + count * SIZE)
        block = file.read(SIZE)
        if len(block) < SIZE or not _is_text(block):
            break
        count += 1
    return count


def _is_text(block: bytes) -> bool:
    """Whether bytes are printable, in EBCDIC or ASCII, but for line ends."""
    texts = (block.decode(codec) for codec in (EBCDIC, 'latin-1'))
    return any(sum(' ' <= c <= '~' for c in text) > 0.95 * len(block) for text in texts)


@dataclass(frozen=True)
class _Candidate:
    """A way in which the file divides into traces; ``told`` is the share of trace headers that say so."""

    count: int
    start: int
    num_extended: int
    num_trailers: int
    told: float


class _Fit:
    """Finds the layout, of those that the headers suggest, into which the file divides and that its traces confirm."""

    def __init__(
        self, path: Path, file: BinaryIO, head: bytes, size: int, order: str,
        code: int | None, num_samples: int | None, num_text_headers: int | None,
    ) -> None:  # fmt: skip
        self.path, self.file, self.size, self.order = path, file, size, order
        revision = head[3500] if order == '>' else max(head[3500], head[3501])
        self.revision = revision if revision <= 2 else 0
        self.notes: list[str] = []
        stated = _number(head, order, 'h', 3225)
        self.format = get_format(stated if code is None else int(code))
        if code is not None and code != stated:
            self.notes.append(f'sample format {code} ({self.format.name}) as asked; the binary header gives {stated}')
        second = self.revision >= 2
        self.additional = max(_number(head, order, 'i', 3507), 0) if second else 0
        self.trailers = _number(head, order, 'i', 3529) if second else 0
        self.stated_start = _number(head, order, 'Q', 3521) if second and num_text_headers is None else 0
        if self.stated_start and not HEAD <= self.stated_start <= size - TRACE_HEADER:
            self.notes.append(f'bytes 3521-3528 put the first trace at {self.stated_start}, which cannot be')
            self.stated_start = 0
        if num_text_headers is None:
            self.stanzas = _count_stanzas(file, _number(head, order, 'h', 3505), size)
            self.texts = list(dict.fromkeys((self.stanzas, 0, _count_texts(file))))
        else:
            self.stanzas, self.texts = int(num_text_headers), [int(num_text_headers)]
        self.in_trace = self._samples_in_trace()
        stated = (_number(head, order, 'i', 3269) if second else 0, _number(head, order, 'H', 3221), self.in_trace)
        self.counts = [count for count in stated if count > 0] if num_samples is None else [int(num_samples)]
        self.is_given = num_samples is not None
        if not self.counts:
            raise SegyError(
                f'{path}: bytes 3221-3222 give 0 samples a trace, and so does the first trace; say num_samples=…'
            )

    def find(self, allow_truncated: bool) -> Layout:
        """The layout."""
        found = list(self._candidates())
        if found:
            chosen = self._choose(found)
            if chosen.told == 0 and chosen.num_extended < self.stanzas:
                self._check_texts()
            if self.additional and chosen.told < 0.9:
                found = []
        if not found and self.additional:
            raise SegyError(f'{self.path} has additional trace headers (bytes 3507-3510), which are not read')
        if self.additional:
            self.notes.append(f'bytes 3507-3510 give {self.additional} additional trace headers, the file has none')
        if not found:
            return self._uneven(allow_truncated)
        if chosen.count != self.counts[0]:
            self.notes.append(f'the binary header gives {self.counts[0]} samples a trace, the file has {chosen.count}')
        if chosen.num_extended != self.stanzas:
            has = chosen.num_extended or 'none'
            self.notes.append(f'the binary header gives {self.stanzas} extended textual headers, the file has {has}')
        if self.trailers >= 0 and chosen.num_trailers != self.trailers:
            self.notes.append(f'the binary header gives {self.trailers} trailing blocks, the file has none')
        room = self.size - chosen.start - SIZE * chosen.num_trailers
        return self._layout(chosen, room // self._trace_size(chosen.count))

    def _check_texts(self) -> None:
        """Raises if the file ends within the textual headers that it gives, which could be taken for traces."""
        end = HEAD + SIZE * self.stanzas
        self.file.seek(HEAD)
        if self.size < end and _is_text(self.file.read(min(SIZE, self.size - HEAD))):
            raise SegyError(
                f'{self.path} has {self.size} bytes and ends within its textual headers: the binary header gives '
                f'{self.stanzas} extended ones, up to byte {end}. It is cut short; if not, say num_text_headers=…'
            )

    def _choose(self, found: list[_Candidate]) -> _Candidate:
        """The first one, but for one that the traces confirm where they contradict it or start before."""
        best = max(found, key=lambda one: one.told)
        chosen = best if found[0].told < 0.5 and best.told > 0.9 else found[0]
        for other in found:
            traces = (chosen.start - other.start) // self._trace_size(other.count)
            if other.count == chosen.count and traces > 0 and other.told > 0.9:
                first_too = self._told(other.start, other.count, traces) == 1
                if first_too and chosen.num_extended > _count_texts(self.file):
                    return other
        return chosen

    def _candidates(self) -> Iterator[_Candidate]:
        """The ways in which the file divides evenly, what is stated first."""
        blocks = [self.trailers, 0] if self.trailers >= 0 else range(_MOST_TRAILERS + 1)
        for count in dict.fromkeys(self.counts):
            trace_size = self._trace_size(count)
            for start, num_extended in self._starts():
                for num_trailers in dict.fromkeys(blocks):
                    room = self.size - start - SIZE * num_trailers
                    if room >= trace_size and room % trace_size == 0:
                        told = self._told(start, count, room // trace_size)
                        yield _Candidate(count, start, num_extended, num_trailers, told)
                        break

    def _starts(self) -> Iterator[tuple[int, int]]:
        if self.stated_start:
            yield self.stated_start, min(self.stanzas, (self.stated_start - HEAD) // SIZE)
        for count in self.texts:
            yield HEAD + SIZE * count, count

    def _trace_size(self, count: int) -> int:
        return TRACE_HEADER + count * self.format.size

    def _told(self, start: int, count: int, num_traces: int) -> float:
        """Share of trace headers, evenly spread, whose bytes 115-116 give this number of samples."""
        asked = np.unique(np.linspace(0, num_traces - 1, _ASKED_TRACES).astype(np.int64)).tolist()
        return float(np.mean([self._word(start + k * self._trace_size(count)) == count & 0xFFFF for k in asked]))

    def _word(self, start: int) -> int:
        """Bytes 115-116 of the trace header at an offset; 0 where the file ends before."""
        self.file.seek(start + 114)
        word = self.file.read(2)
        return struct.unpack(self.order + 'H', word)[0] if len(word) == 2 else 0

    def _samples_in_trace(self) -> int:
        """Number of samples in the first trace's header (bytes 115-116); 0 where there is no such header."""
        for start, _ in self._starts():
            if word := self._word(start):
                return word
        return 0

    def _layout(self, chosen: _Candidate, num_traces: int, *, is_truncated: bool = False) -> Layout:
        follows = chosen.start == HEAD + SIZE * chosen.num_extended
        return Layout(
            str(self.path), self.size, self.order, self.revision, self.format, chosen.count, num_traces,
            chosen.num_extended, chosen.num_trailers, 0 if follows else chosen.start, is_truncated, tuple(self.notes),
        )  # fmt: skip

    def _uneven(self, allow_truncated: bool) -> Layout:
        """A file with bytes behind its last whole trace: passed over if they are zeros or if that is allowed."""
        start, num_extended = next(self._starts())
        count = self.counts[0]
        trace_size = self._trace_size(count)
        whole = max(self.size - start, 0) // trace_size
        told = self._told(start, count, whole) if whole else 0
        while told > 0.9 and self._word(start + (whole - 1) * trace_size) != count & 0xFFFF:
            whole -= 1  # bytes that are no trace
        left = max(self.size - start - whole * trace_size, 0)
        candidate = _Candidate(count, start, num_extended, 0, told)
        self.file.seek(max(self.size - left, 0))
        if whole and told > 0.9 and not self.file.read(left).strip(b'\0'):
            self.notes.append(f'{left} zero bytes follow trace {whole}, the last one: they are passed over')
            return self._layout(candidate, whole)
        if whole and allow_truncated:
            self.notes.append(f'{left} bytes follow trace {whole}, the last whole one: they are passed over, as asked')
            return self._layout(candidate, whole, is_truncated=True)
        raise SegyError(
            f'{self.path} is not a whole number of traces: with {count} samples of {self.format.name} a trace, its '
            f'{self.size} bytes are {whole} traces and {left} bytes: {left} bytes follow trace {whole}. The file is '
            'cut short (allow_truncated=True, --allow-truncated, reads the whole traces), its traces differ in length, '
            'there are more or fewer textual headers than it says (num_text_headers=…), or the number of samples is '
            f'wrong (the first trace header gives {self.in_trace}): num_samples=… overrides it'
        )
