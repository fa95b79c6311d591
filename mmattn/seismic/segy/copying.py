"""Copies a SEG-Y file with other samples and the same headers."""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmattn.common.files import written_whole
from mmattn.seismic.segy.formats import FORMATS, IEEE_FLOAT
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.reading import BUFFER, TraceReader, find_runs
from mmattn.seismic.segy.text import SIZE, put_line
from mmattn.seismic.segy.volume import SegyVolume

_FORMAT_AT = 3224


def copy_with_samples(
    source: SegyVolume,
    destination: str | os.PathLike,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    text_line: str | None = None,
) -> list[str]:
    """Writes a copy of a SEG-Y file that holds other samples, as 4-byte IEEE floats.

    Every byte of the textual, binary, extended and trace headers and of what follows the traces is kept, but for the
    sample format (bytes 3225-3226) where the source has another, and one line of the textual header. Byte order, order
    of traces and sample count stay. Traces that are dead in the source, and those that no block gives, become zeros.
    The file appears under its name once it is whole.

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
    """
    destination = Path(destination)
    if destination.exists() and os.path.samefile(destination, source.path):
        raise ValueError(f'destination {str(destination)!r} is the source itself')
    layout = source.layout
    head, changes = _edit_head(source.read_bytes(0, layout.data_start), layout, text_line)
    with written_whole(destination) as temporary, open(temporary, 'wb') as file:
        file.write(head)
        changes += _Writer(source, file).write(blocks)
        file.seek(0, os.SEEK_END)
        file.write(source.read_bytes(layout.data_end, layout.file_size - layout.data_end))
    return changes


class _Writer:
    """Writes traces with the headers of the source.

    Args:
        source: the volume that is copied.
        file: to write to, behind its head.
    """

    def __init__(self, source: SegyVolume, file: BinaryIO) -> None:
        self.source, self.layout, self.file = source, source.layout, file
        self.dtype = target_dtype(self.layout)
        self.reader = TraceReader(self.layout)
        self.alive = np.zeros(self.layout.num_traces, bool)
        self.alive[source.trace_index[source.live]] = True
        self.done = np.zeros(self.layout.num_traces, bool)

    def write(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[str]:
        """Writes all traces; returns what is to be said about them."""
        for positions, samples in blocks:
            self._write_block(np.asarray(positions, np.int64), np.asarray(samples, np.float32))
        absent = np.flatnonzero(~self.done)
        zeros = np.zeros((max(1, BUFFER // self.dtype.itemsize), self.layout.num_samples), np.float32)
        for start, stop in find_runs(absent, 0, len(zeros)):
            self._write_run(int(absent[start]), zeros[: stop - start])
        self.reader.close()
        said = ['samples of all traces']
        dead, forgotten = np.count_nonzero(~self.alive), np.count_nonzero(self.alive & ~self.done)
        if dead:
            said.append(f'{dead} traces that are dead, or not part of the volume, are zero')
        if forgotten:
            said.append(f'{forgotten} traces without new samples are zero')
        return said

    def _write_block(self, positions: np.ndarray, samples: np.ndarray) -> None:
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
        for start, stop in find_runs(ranked, first, max(1, BUFFER // self.dtype.itemsize)):
            chosen = samples[order[start:stop]]
            alive = self.alive[ranked[start:stop]]
            if not np.isfinite(chosen[alive]).all():
                raise ValueError(f'samples of traces {ranked[start]} to {ranked[stop - 1]} are not all finite')
            chosen[~alive] = 0
            self._write_run(int(ranked[start]), chosen)
        self.done[ranked[first:]] = True

    def _write_run(self, start: int, samples: np.ndarray) -> None:
        """Writes successive traces with the source's headers."""
        traces = np.empty(len(samples), self.dtype)
        traces['header'] = self.reader.read_raw(start, len(samples))['header']
        traces['samples'] = samples
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
    if layout.format.code != IEEE_FLOAT:
        code = struct.pack(layout.endian + 'h', IEEE_FLOAT)
        head = head[:_FORMAT_AT] + code + head[_FORMAT_AT + 2 :]
        after = FORMATS[IEEE_FLOAT]
        changes.append(
            f'sample format (bytes 3225-3226): {layout.format.code} ({layout.format.name}) became {after.code} '
            f'({after.name})'
        )
        if layout.format.size != after.size:
            size = 240 + after.size * layout.num_samples
            changes.append(f'bytes of a trace: {layout.trace_size} became {size}')
    return head, changes
