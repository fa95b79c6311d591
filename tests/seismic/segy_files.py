"""Writes small SEG-Y files of every variety, byte by byte and without the code under test."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

KINDS = {1: 'u4', 2: 'i4', 3: 'i2', 5: 'f4', 6: 'f8', 8: 'i1', 9: 'i8', 10: 'u4', 11: 'u2', 12: 'u8', 16: 'u1'}


def to_ibm(values: np.ndarray) -> np.ndarray:
    """Bits of IBM floats: sign, 7 bits of exponent to the base 16 with bias 64, 24 bits of fraction."""
    values = np.asarray(values, np.float64)
    fraction, exponent = np.frexp(np.abs(values))
    power = -(-exponent // 4)
    fraction = np.ldexp(fraction, exponent - 4 * power)
    bits = np.rint(fraction * 2**24).astype(np.int64)
    power, bits = np.where(bits == 2**24, power + 1, power), np.where(bits == 2**24, 2**20, bits)
    words = (np.signbit(values).astype(np.int64) << 31) | ((power + 64) << 24) | bits
    return np.where(values == 0, 0, words).astype(np.uint32)


@dataclass
class SegyFile:
    """What is written. ``headers`` maps first bytes of 4-byte words (2 bytes: negative keys) to a value a trace; a
    key such as '21:ibm' names the word's type, which may be 'int16', 'int32', 'float32' or 'ibm'.

    ``iline`` and ``xline`` are the numbers of each trace, ``samples`` (num_traces, num_samples).
    """

    samples: np.ndarray
    iline: np.ndarray
    xline: np.ndarray
    format: int = 5
    endian: str = '>'
    bytes: tuple[int | str, int | str] = (189, 193)
    interval: int = 4000
    encoding: str = 'cp037'
    text: str = 'C 1 A SYNTHETIC SURVEY'
    num_extended: int = 0
    stated_extended: int | None = None
    revision: int = 1
    headers: dict = field(default_factory=dict)
    binary: dict = field(default_factory=dict)
    stated_samples: int | None = None
    trailer: bytes = b''

    def write(self, path: Path) -> Path:
        """Writes the file."""
        path.write_bytes(self.to_bytes())
        return path

    def to_bytes(self) -> bytes:
        """The file."""
        stanzas = [f'((SEG: STANZA {number}))' for number in range(self.num_extended)]
        if self.stated_extended == -1:
            stanzas[-1] = '((SEG: EndText))'
        text = b''.join(line.ljust(3200).encode(self.encoding) for line in stanzas)
        return self._text() + self._binary() + text + self._traces() + self.trailer

    def _text(self) -> bytes:
        lines = [self.text, *(f'C{number:2d}' for number in range(2, 39)), 'C39 SEG Y REV1', 'C40 END TEXTUAL HEADER']
        return ''.join(line.ljust(80) for line in lines).encode(self.encoding)

    def _binary(self) -> bytes:
        block = bytearray(np.random.default_rng(7).integers(0, 2, 400).astype(np.uint8).tobytes())
        block[60:] = bytes(340)
        stated = self.num_extended if self.stated_extended is None else self.stated_extended
        count = self.samples.shape[1] if self.stated_samples is None else self.stated_samples
        words = {16: self.interval, 20: count, 24: self.format, 54: 1, 304: stated}
        for at, value in (words | {at - 3201: value for at, value in self.binary.items()}).items():
            struct.pack_into(self.endian + ('H' if value >= 0 else 'h'), block, at, value)
        struct.pack_into(self.endian + 'H', block, 300, self.revision << 8)
        return bytes(block)

    def _traces(self) -> bytes:
        values = to_ibm(self.samples) if self.format == 1 else np.asarray(self.samples)
        kind = np.dtype(self.endian + KINDS[self.format])
        traces = np.zeros(len(values), [('header', 'u1', (240,)), ('samples', kind, values.shape[1:])])
        with np.errstate(invalid='ignore', over='ignore'):
            traces['samples'] = values
        words = {
            1: np.arange(1, len(values) + 1),
            self.bytes[0]: self.iline,
            self.bytes[1]: self.xline,
            -29: 1,
            -115: values.shape[1],
            -117: self.interval,
        }
        for byte, given in (words | self.headers).items():
            byte, kind = str(byte).split(':') if ':' in str(byte) else (byte, 'int32' if byte > 0 else 'int16')
            byte, word = abs(int(byte)), np.broadcast_to(np.asarray(given), len(values))
            word = to_ibm(word) if kind == 'ibm' else word if kind == 'float32' else word.astype(np.int64)
            word = word.astype(self.endian + dict(int16='i2', int32='i4', float32='f4', ibm='u4')[kind])
            traces['header'][:, byte - 1 : byte - 1 + word.itemsize] = word.view('u1').reshape(-1, word.itemsize)
        return traces.tobytes()


def make_cube(shape: tuple[int, int, int] = (4, 5, 12), *, seed: int = 0, integers: bool = False) -> np.ndarray:
    """Random amplitudes without zeros; whole numbers from 1 to 99 if ``integers``."""
    rng = np.random.default_rng(seed)
    if integers:
        return rng.integers(1, 100, shape).astype(np.float32)
    return (rng.normal(size=shape) + 0.01).astype(np.float32)


def grid_file(
    cube: np.ndarray,
    *,
    ilines: np.ndarray | None = None,
    xlines: np.ndarray | None = None,
    order: str = 'iline',
    missing: np.ndarray | None = None,
    **options,
) -> SegyFile:
    """A file of a cube (I, X, S); ``missing`` (I, X) traces are left out, ``order`` is 'iline', 'xline' or 'mixed'."""
    num_ilines, num_xlines = cube.shape[:2]
    ilines = np.arange(10, 10 + num_ilines) if ilines is None else ilines
    xlines = np.arange(300, 300 + num_xlines) if xlines is None else xlines
    rows, columns = np.nonzero(np.ones((num_ilines, num_xlines), bool) if missing is None else ~missing)
    if order == 'xline':
        chosen = np.lexsort((rows, columns))
    elif order == 'mixed':
        chosen = np.random.default_rng(3).permutation(len(rows))
    else:
        chosen = np.arange(len(rows))
    rows, columns = rows[chosen], columns[chosen]
    headers = {
        key: value[rows, columns] if np.ndim(value) == 2 else value for key, value in options.pop('headers', {}).items()
    }
    return SegyFile(cube[rows, columns], ilines[rows], xlines[columns], headers=headers, **options)
