"""Where things lie in a SEG-Y file: byte order, header blocks, trace length. Reads the file's head and nothing else."""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.formats import SampleFormat, get_format, is_format
from mmattn.seismic.segy.text import EBCDIC, SIZE

BINARY = 400
TRACE_HEADER = 240
HEAD = SIZE + BINARY
_BYTE_ORDER_MARK = 16909060  # bytes 3297-3300 since revision 2.0
_MOST_STANZAS = 10_000


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
    notes: tuple[str, ...] = field(default=())

    @property
    def data_start(self) -> int:
        """Offset of the first trace."""
        return HEAD + SIZE * self.num_extended

    @property
    def trace_size(self) -> int:
        """Bytes of a trace with its header."""
        return TRACE_HEADER + self.num_samples * self.format.size

    @property
    def data_end(self) -> int:
        """Offset behind the last trace."""
        return self.data_start + self.num_traces * self.trace_size


def read_layout(path: str | os.PathLike, *, endian: str = 'auto', num_samples: int | None = None) -> Layout:
    """Reads and checks the head of a file.

    Args:
        path: a SEG-Y file.
        endian: 'big', 'little' or 'auto', which goes by the sample format.
        num_samples: a trace; None takes the binary header's.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if an option is not allowed.
        SegyError: if this is no SEG-Y file, or not a whole one.
    """
    path = Path(path)
    if endian not in ('auto', 'big', 'little'):
        raise ValueError(f"endian must be 'auto', 'big' or 'little', got {endian!r}")
    whole = isinstance(num_samples, int | np.integer) and not isinstance(num_samples, bool)
    if num_samples is not None and not (whole and 1 <= num_samples < 2**31):
        raise ValueError(f'num_samples must be None or at least 1, got {num_samples!r}')
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
        order = _byte_order(path, head, endian)
        stanzas = _count_stanzas(file, _number(head, order, 'h', 3505), size)
        in_trace = _samples_in_trace(file, order, stanzas)
    return _fit(path, head, size, order, stanzas, num_samples, in_trace)


def _number(head: bytes, order: str, kind: str, byte: int) -> int:
    """A number of the binary header; ``byte`` counts from 1 as the standard does."""
    return struct.unpack_from(order + kind, head, byte - 1)[0]


def _byte_order(path: Path, head: bytes, endian: str) -> str:
    """'>' or '<', by the byte order mark of revision 2 or by which order makes the sample format a known one."""
    codes = {order: _number(head, order, 'h', 3225) for order in '><'}
    if endian != 'auto':
        order = '>' if endian == 'big' else '<'
        other = '<' if order == '>' else '>'
        if not is_format(codes[order]) and is_format(codes[other]):
            raise SegyError(
                f'{path}: endian={endian!r} gives the sample format {codes[order]}, which is none; '
                f"the other byte order gives {codes[other]}: try endian='auto'"
            )
        return order
    marked = [order for order in '><' if _number(head, order, 'i', 3297) == _BYTE_ORDER_MARK]
    for order in (*marked, '>', '<'):
        if is_format(codes[order]):
            return order
    raise SegyError(
        f'{path} is no SEG-Y file, or its binary header is broken: bytes 3225-3226 should hold the sample format, '
        f'they hold {codes[">"]} (big endian) or {codes["<"]} (little endian)'
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


def _samples_in_trace(file: BinaryIO, order: str, stanzas: int) -> int:
    """Number of samples in the first trace's header (bytes 115-116); 0 where there is no such header."""
    for start in (HEAD + SIZE * stanzas, HEAD):
        file.seek(start + 114)
        word = file.read(2)
        if len(word) == 2 and struct.unpack(order + 'H', word)[0]:
            return struct.unpack(order + 'H', word)[0]
    return 0


def _fit(
    path: Path, head: bytes, size: int, order: str, stanzas: int, num_samples: int | None, in_trace: int
) -> Layout:
    """The first layout, of those that the headers suggest, into which the file divides evenly."""
    sample_format = get_format(_number(head, order, 'h', 3225))
    revision = head[3500] if order == '>' else max(head[3500], head[3501])
    revision = revision if revision <= 2 else 0
    binary = _number(head, order, 'H', 3221)
    extended = _number(head, order, 'i', 3269) if revision >= 2 else 0
    if revision >= 2 and _number(head, order, 'i', 3507) > 0:
        raise SegyError(f'{path} has additional trace headers (bytes 3507-3510), which are not read')
    trailers = max(_number(head, order, 'i', 3529), 0) if revision >= 2 else 0
    counts = [count for count in (extended, binary, in_trace) if count > 0] if num_samples is None else [num_samples]
    if not counts:
        raise SegyError(
            f'{path}: bytes 3221-3222 give 0 samples a trace, and so does the first trace; say num_samples=…'
        )
    for count in dict.fromkeys(counts):
        for num_extended, num_trailers in dict.fromkeys([(stanzas, trailers), (stanzas, 0), (0, 0)]):
            room = size - HEAD - SIZE * (num_extended + num_trailers)
            trace_size = TRACE_HEADER + count * sample_format.size
            if room >= trace_size and room % trace_size == 0:
                notes = []
                if num_samples is None and count != counts[0]:
                    notes.append(f'the binary header gives {counts[0]} samples a trace, the file has {count}')
                if num_extended != stanzas:
                    notes.append(f'the binary header gives {stanzas} extended textual headers, the file has none')
                if num_trailers != trailers:
                    notes.append(f'the binary header gives {trailers} trailing blocks, the file has none')
                return Layout(
                    str(path), size, order, revision, sample_format, count, room // trace_size,
                    num_extended, num_trailers, tuple(notes),
                )  # fmt: skip
    raise _uneven(path, size, stanzas, counts[0], in_trace, sample_format)


def _uneven(
    path: Path, size: int, stanzas: int, num_samples: int, in_trace: int, sample_format: SampleFormat
) -> SegyError:
    """The error for a file that is not a whole number of traces."""
    trace_size = TRACE_HEADER + num_samples * sample_format.size
    whole, left = divmod(max(size - HEAD - SIZE * stanzas, 0), trace_size)
    return SegyError(
        f'{path} is not a whole number of traces: with {num_samples} samples of {sample_format.name} a trace, its '
        f'{size} bytes are {whole} traces and {left} bytes. The file is cut short, its traces differ in length, or '
        f'the number of samples is wrong (the first trace header gives {in_trace}): num_samples=… overrides it'
    )
