"""Copies a SEG-Y file with other samples and the same headers."""

import os
import struct
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmattn.common.files import written_whole
from mmattn.seismic.segy.errors import SegyError
from mmattn.seismic.segy.formats import FORMATS, IEEE_FLOAT, to_float32
from mmattn.seismic.segy.layout import Layout, read_layout
from mmattn.seismic.segy.reading import BUFFER, TraceReader, find_runs
from mmattn.seismic.segy.text import SIZE, put_line
from mmattn.seismic.segy.volume import SegyVolume
from mmattn.seismic.volumes.live import is_all

_FORMAT_AT = 3224
_SAME = 'endian', 'num_samples', 'num_traces', 'data_start'


def copy_with_samples(
    source: SegyVolume,
    destination: str | os.PathLike,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    text_line: str | None = None,
) -> list[str]:
    """Writes a copy of a SEG-Y file that holds other samples, as 4-byte IEEE floats.

    Every byte of the textual, binary, extended and trace headers and of what follows the traces is kept, but for the
    sample format (bytes 3225-3226) where the source has another, words of the binary header that were wrong and
    overruled in reading the source, what is left of a cut trace, and one line of the textual header. Byte order, order
    of traces and sample count stay. Traces that are dead in the source, and those that no block gives, become zeros.
    The file appears under its name once it is whole and was read again: its head describes the same traces, and each
    trace holds, at its place, the header of the source's and the samples that a block gave for it.

    Args:
        source: the volume to copy.
        destination: path to write; its folder is made if need be, and an existing file is replaced.
        blocks: pairs of positions of traces in the file (n,), as in ``source.trace_index``, and their samples
            (n, num_samples); positions of -1 are passed over. Each trace once, in any order; blocks of adjacent lines
            are written fastest. No more than one block is held.
        text_line: up to 76 printable ASCII characters for the textual header; None leaves it alone.

    Returns:
        What differs from the source, in words.

    Raises:
        ValueError: if a block does not fit the volume, holds samples that are not finite or a trace a second time, or
            the destination is the source.
        SegyError: if the copy would not open with the same traces, or reads back otherwise than it was written.
    """
    destination = Path(destination)
    if destination.exists() and os.path.samefile(destination, source.path):
        raise ValueError(f'destination {str(destination)!r} is the source itself')
    layout = source.layout
    head, changes = _edit_head(source.read_bytes(0, layout.data_start), layout, text_line)
    tail = b'' if layout.is_truncated else source.read_bytes(layout.data_end, layout.file_size - layout.data_end)
    with (
        written_whole(destination) as temporary,
        open(temporary, 'wb') as file,
        tempfile.TemporaryFile(dir=temporary.parent) as checks,
    ):
        file.write(head)
        writer = _Writer(source, file, checks, _alive(source))
        changes += writer.write(blocks)
        if layout.is_truncated:
            left = layout.file_size - layout.data_end
            changes.append(f'{left} bytes behind the last whole trace are left out')
        file.seek(0, os.SEEK_END)
        file.write(tail)
        _to_disk(file)
        copy, options = _read_copy(temporary, layout)
        _compare(copy, head, tail, checks, destination)
    options = source.header_options | options
    said = ', '.join(f'{name}={value!r}' for name, value in options.items())
    return changes + ([f'the copy, like its source, opens with options: {said}'] if options else [])


def _to_disk(file: BinaryIO) -> None:
    """Writes what the system holds back, and lets it forget the file, so that the file itself is read next."""
    file.flush()
    os.fsync(file.fileno())
    if hasattr(os, 'posix_fadvise'):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_copy(path: Path, layout: Layout) -> tuple[Layout, dict[str, object]]:
    """Reads the head of a copy; gives its layout and the options that its reading wants.

    Raises:
        SegyError: if it does not describe the traces of the source.
    """
    endian = 'big' if layout.endian == '>' else 'little'
    needed = dict(num_samples=layout.num_samples, num_text_headers=layout.num_extended, endian=endian)
    for options in ({}, needed):
        try:
            copy = read_layout(path, **options)
        except SegyError:
            continue
        if all(getattr(copy, name) == getattr(layout, name) for name in _SAME) and copy.format.code == IEEE_FLOAT:
            return copy, options
    raise SegyError(
        f'a copy of {layout.path} as 4-byte IEEE floats would not open with the same {layout.num_traces} traces of '
        f'{layout.num_samples} samples: its headers contradict each other'
    )


def _compare(copy: Layout, head: bytes, tail: bytes, checks: BinaryIO, destination: Path) -> None:
    """Raises SegyError unless a copy reads back as it was written: head, each trace at its place, and tail."""
    with open(copy.path, 'rb') as file:
        same_head = file.read(len(head)) == head
        file.seek(copy.data_end)
        same_tail = file.read(len(tail) + 1) == tail
    wrong = [] if same_head and same_tail else ['what stands before or behind the traces']
    reader = TraceReader(copy)
    step = max(1, BUFFER // copy.trace_size)
    checks.seek(0)
    for start in range(0, copy.num_traces, step):
        count = min(step, copy.num_traces - start)
        traces = reader.read_raw(start, count)
        samples = to_float32(traces['samples'], copy.format)[0]
        written = np.frombuffer(checks.read(4 * count), np.uint32)
        different = np.flatnonzero(_checksums(traces['header']) ^ _checksums(samples) != written)
        if different.size:
            wrong.append(f'trace {start + int(different[0])} (the first is 0)')
            break
    reader.close()
    if wrong:
        raise SegyError(
            f'{destination}: {" and ".join(wrong)} read back otherwise than written, so nothing is kept: is the disk '
            'sound, and does nothing else write there?'
        )


def _checksums(rows: np.ndarray) -> np.ndarray:
    """CRC-32 of each row, uint32."""
    rows = np.ascontiguousarray(rows)
    return np.fromiter((zlib.crc32(row) for row in rows), np.uint32, len(rows))


def _alive(source: SegyVolume) -> np.ndarray:
    """(num_traces,) bool: which traces of a file live."""
    if source.strides and is_all(source.live):
        return np.broadcast_to(np.True_, source.num_traces)
    alive = np.zeros(source.num_traces, bool)
    alive[source.trace_index[source.live]] = True
    return alive


def rehearse_copy(source: SegyVolume, destination: Path, positions: np.ndarray, samples: np.ndarray) -> None:
    """Does with some traces, from the first on, what copying does with all, so that it can be timed.

    Args:
        source: the volume that would be copied.
        destination: a file that is made, and serves nobody.
        positions, samples: as ``copy_with_samples`` has them, of one block.
    """
    with open(destination, 'w+b') as file, tempfile.TemporaryFile(dir=destination.parent) as checks:
        writer = _Writer(source, file, checks, np.broadcast_to(np.True_, source.num_traces))
        writer.write_block(positions, samples)
        writer.reader.close()
        _to_disk(file)
        file.seek(source.layout.data_start)
        size = writer.dtype.itemsize
        while content := file.read(max(1, BUFFER // size) * size):
            traces = np.frombuffer(content, writer.dtype, len(content) // size)
            _checksums(traces['header'])
            _checksums(to_float32(traces['samples'], FORMATS[IEEE_FLOAT])[0])


class _Writer:
    """Writes traces with the headers of the source.

    Args:
        source: the volume that is copied.
        file: to write to, behind its head.
        checks: gets a checksum of header and samples, uint32, that each trace of the copy should have, in its order.
        alive: (num_traces,) bool; the samples of other traces become 0.
    """

    def __init__(self, source: SegyVolume, file: BinaryIO, checks: BinaryIO, alive: np.ndarray) -> None:
        self.source, self.layout, self.file, self.checks, self.alive = source, source.layout, file, checks, alive
        self.dtype = target_dtype(self.layout)
        self.reader = TraceReader(self.layout)
        self.done = np.zeros(self.layout.num_traces, bool)
        self.of_zeros = np.uint32(zlib.crc32(bytes(4 * self.layout.num_samples)))

    def write(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[str]:
        """Writes all traces; returns what is to be said about them."""
        for positions, samples in blocks:
            self.write_block(np.asarray(positions, np.int64), np.asarray(samples, np.float32))
        absent = np.flatnonzero(~self.done)
        zeros = np.zeros((max(1, BUFFER // self.dtype.itemsize), self.layout.num_samples), np.float32)
        for start, stop in find_runs(absent, 0, len(zeros)):
            self._write_run(int(absent[start]), zeros[: stop - start], self.of_zeros)
        self.reader.close()
        said = ['samples of all traces']
        dead, forgotten = np.count_nonzero(~self.alive), np.count_nonzero(self.alive & ~self.done)
        if dead:
            said.append(f'{dead} traces that are dead, or not part of the volume, are zero')
        if forgotten:
            said.append(f'{forgotten} traces without new samples are zero')
        return said

    def write_block(self, positions: np.ndarray, samples: np.ndarray) -> None:
        """Writes traces at their positions in the file, int64, with float32 samples."""
        layout = self.layout
        if positions.ndim != 1 or samples.shape != (len(positions), layout.num_samples):
            raise ValueError(
                f'a block must be positions (n,) and samples (n, {layout.num_samples}), got {positions.shape} and '
                f'{samples.shape}'
            )
        order = np.argsort(positions, kind='stable')
        ranked = positions[order]
        first = int(np.searchsorted(ranked, 0))
        if len(ranked) > first and (ranked[-1] >= layout.num_traces or self.done[ranked[first:]].any()):
            raise ValueError(f'a block holds traces beyond {layout.num_traces - 1} or written before')
        if np.any(ranked[first + 1 :] == ranked[first:-1]) if len(ranked) > first else False:
            raise ValueError('a block holds a trace twice')
        given = _checksums(samples)
        for start, stop in find_runs(ranked, first, max(1, BUFFER // self.dtype.itemsize)):
            chosen = samples[order[start:stop]]
            alive = self.alive[ranked[start:stop]]
            if not np.isfinite(chosen[alive]).all():
                raise ValueError(f'samples of traces {ranked[start]} to {ranked[stop - 1]} are not all finite')
            chosen[~alive] = 0
            expected = np.where(alive, given[order[start:stop]], self.of_zeros)
            self._write_run(int(ranked[start]), chosen, expected)
        self.done[ranked[first:]] = True

    def _write_run(self, start: int, samples: np.ndarray, expected: np.ndarray) -> None:
        """Writes successive traces with the source's headers; ``expected`` are checksums of the samples."""
        traces = np.empty(len(samples), self.dtype)
        traces['header'] = self.reader.read_raw(start, len(samples))['header']
        traces['samples'] = samples
        self.checks.seek(4 * start)
        self.checks.write((expected ^ _checksums(traces['header'])).tobytes())
        self.file.seek(self.layout.data_start + start * self.dtype.itemsize)
        self.file.write(traces.tobytes())


def target_dtype(layout: Layout) -> np.dtype:
    """Type of a trace of the copy."""
    return np.dtype([('header', 'u1', (240,)), ('samples', f'{layout.endian}f4', (layout.num_samples,))])


def _edit_head(head: bytes, layout: Layout, text_line: str | None) -> tuple[bytes, list[str]]:
    """The head of the copy, and what differs from the source's."""
    changes = []
    if text_line is not None:
        text, number, before = put_line(head[:SIZE], text_line)
        head = text + head[SIZE:]
        changes.append(f'textual header, line {number}: {before!r} became {f"C{number:2d} {text_line}"[:80]!r}')
    before, after = _stated(head, layout, _FORMAT_AT + 1, 'h'), FORMATS[IEEE_FLOAT]
    if before != after.code:
        name = f' ({FORMATS[before].name})' if before in FORMATS else ''
        head = _put(head, layout, _FORMAT_AT + 1, 'h', after.code)
        changes.append(f'sample format (bytes 3225-3226): {before}{name} became {after.code} ({after.name})')
    if layout.format.size != after.size:
        size = 240 + after.size * layout.num_samples
        changes.append(f'bytes of a trace: {layout.trace_size} became {size}')
    for byte, kind, value, what in _true_words(head, layout):
        before = _stated(head, layout, byte, kind)
        head = _put(head, layout, byte, kind, value)
        last = byte - 1 + struct.calcsize(f'={kind}')
        changes.append(f'{what} (bytes {byte}-{last}): {before}, which was wrong, became {value}')
    return head, changes


def _true_words(head: bytes, layout: Layout) -> list[tuple[int, str, int, str]]:
    """Words of the binary header that contradict the layout: first byte, kind, what is true, and what it is."""
    words = []
    if layout.num_samples < 1 << 16:
        words.append((3221, 'H', layout.num_samples, 'samples a trace'))
    if not _is_open_end(head, layout):
        words.append((3505, 'h', layout.num_extended, 'extended textual headers'))
    if layout.revision >= 2:
        extended = _stated(head, layout, 3269, 'i')
        words.append((3269, 'i', layout.num_samples if extended else 0, 'samples a trace'))
        words.append((3507, 'i', 0, 'additional trace headers'))
        words.append((3521, 'Q', layout.data_start if _stated(head, layout, 3521, 'Q') else 0, 'first trace'))
        if _stated(head, layout, 3529, 'i') != -1:
            words.append((3529, 'i', layout.num_trailers, 'trailing blocks'))
    return [word for word in words if _stated(head, layout, word[0], word[1]) != word[2]]


def _is_open_end(head: bytes, layout: Layout) -> bool:
    """Whether the head leaves the number of textual headers to their last one."""
    return layout.num_extended > 0 and _stated(head, layout, 3505, 'h') == -1


def _stated(head: bytes, layout: Layout, byte: int, kind: str) -> int:
    return struct.unpack_from(layout.endian + kind, head, byte - 1)[0]


def _put(head: bytes, layout: Layout, byte: int, kind: str, value: int) -> bytes:
    word = struct.pack(layout.endian + kind, value)
    return head[: byte - 1] + word + head[byte - 1 + len(word) :]
