"""Words of a trace header, as people name them: a byte position, or byte and type such as '9:int16' or '181:ibm'."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import segyio

from mmattn.seismic.segy.formats import ibm_to_float64
from mmattn.seismic.segy.layout import TRACE_HEADER

_FIELDS = [*sorted(int(field) for field in segyio.TraceField.enums()), TRACE_HEADER + 1]
WORD_SIZES = {start: 4 if stop - start >= 4 else 2 for start, stop in pairwise(_FIELDS)}
"""First byte, from 1, of each standard trace header word and its size; the standard's are of 2 or 4 bytes."""
KINDS = dict(int16='i2', int32='i4', float32='f4', ibm='u4')
"""Types of a word, and the NumPy type of their bits without its byte order."""


@dataclass(frozen=True)
class Word:
    """Where a value lies in the trace headers, and how it is stored.

    Args:
        byte: the first, from 1.
        kind: 'int16', 'int32', 'float32' (IEEE) or 'ibm' (a 4-byte IBM float).
    """

    byte: int
    kind: str

    @property
    def size(self) -> int:
        """In bytes."""
        return np.dtype(KINDS[self.kind]).itemsize

    @property
    def is_float(self) -> bool:
        """Whether it may hold what is no whole number."""
        return self.kind in ('float32', 'ibm')

    @property
    def option(self) -> int | str:
        """As an option: the byte alone where the standard's word there is of this type."""
        return self.byte if self == _standard(self.byte) else f'{self.byte}:{self.kind}'

    def __str__(self) -> str:
        return f'{self.byte}-{self.byte + self.size - 1}' + (f' as {self.kind}' if self.is_float else '')

    def dtype(self, endian: str) -> np.dtype:
        """NumPy type of the stored word; ``endian`` is '>' or '<'."""
        return np.dtype(endian + KINDS[self.kind])

    def decode(self, stored: np.ndarray) -> np.ndarray:
        """Values of stored words: int32, or float64 of floats."""
        if self.kind == 'ibm':
            return ibm_to_float64(stored)
        return stored.astype(np.float64 if self.is_float else np.int32)


def parse_word(name: str, value: object) -> Word:
    """Reads an option that names a word.

    Args:
        name: of the option.
        value: the first byte, of the standard's word that starts there (2 or 4 bytes; 4 where none starts); a text
            'byte:type' for one of :data:`KINDS`; or a :class:`Word`.

    Raises:
        ValueError: if it is no such thing, or the word would not lie within the 240 bytes of a trace header.
    """
    if isinstance(value, Word):
        return value
    byte: object = value
    kind: str | None = None
    if isinstance(value, str):
        text, colon, kind = value.partition(':')
        byte = int(text) if colon and text.isascii() and text.isdigit() else None
    if isinstance(byte, bool) or not isinstance(byte, int | np.integer) or not (kind is None or kind in KINDS):
        raise ValueError(_describe(name, value))
    word = _standard(int(byte)) if kind is None else Word(int(byte), kind)
    if not 1 <= word.byte <= TRACE_HEADER + 1 - word.size:
        raise ValueError(_describe(name, value))
    return word


def _standard(byte: int) -> Word:
    """The standard's word that starts at a byte, of 4 bytes where none starts."""
    return Word(byte, 'int16' if WORD_SIZES.get(byte, 4) == 2 else 'int32')


def _describe(name: str, value: object) -> str:
    return (
        f"{name} must be a byte position from 1 to 237, got {value!r}; '9:int32' names a type, too: "
        f'{", ".join(KINDS)} (int16 up to byte 239)'
    )
