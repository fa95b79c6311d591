"""Sample formats of SEG-Y and their conversion to float32.

Codes are those of bytes 3225-3226 of the binary header (SEG-Y revision 2.0, 2017, table 2). Samples are read as the
bytes they are and converted once. IBM floats are a sign, a 7-bit exponent to the base 16 with bias 64 and a 24-bit
fraction (IBM System/360 Principles of Operation, "Floating-point arithmetic"); writers may leave the fraction
unnormalised.
"""

from dataclasses import dataclass

import numpy as np

from mmattn.seismic.segy.errors import SegyError

IBM_FLOAT, IEEE_FLOAT = 1, 5
_EXPONENTS = 4 * (np.arange(128) - 64) - 24
_IBM_SCALES = np.ldexp(np.repeat([1.0, -1.0], 128), np.tile(_EXPONENTS, 2))
"""What the 24-bit fraction, taken as an integer, is multiplied by, for each first byte of an IBM float."""
_CHUNK = 1 << 17


@dataclass(frozen=True)
class SampleFormat:
    """How a sample is stored.

    Args:
        code: in the binary header.
        name: for people.
        kind: NumPy type without its byte order; of IBM floats the type of their bits.
    """

    code: int
    name: str
    kind: str

    @property
    def size(self) -> int:
        """Bytes of a sample."""
        return np.dtype(self.kind).itemsize

    def dtype(self, endian: str) -> np.dtype:
        """Type of the stored samples; ``endian`` is '>' or '<'."""
        return np.dtype(endian + self.kind)

    @property
    def is_float(self) -> bool:
        """Whether there can be samples that are not finite."""
        return self.code == IBM_FLOAT or self.kind.startswith('f')


FORMATS = {
    known.code: known
    for known in (
        SampleFormat(IBM_FLOAT, '4-byte IBM float', 'u4'),
        SampleFormat(2, '4-byte integer', 'i4'),
        SampleFormat(3, '2-byte integer', 'i2'),
        SampleFormat(IEEE_FLOAT, '4-byte IEEE float', 'f4'),
        SampleFormat(6, '8-byte IEEE float', 'f8'),
        SampleFormat(8, '1-byte integer', 'i1'),
        SampleFormat(9, '8-byte integer', 'i8'),
        SampleFormat(10, '4-byte unsigned integer', 'u4'),
        SampleFormat(11, '2-byte unsigned integer', 'u2'),
        SampleFormat(12, '8-byte unsigned integer', 'u8'),
        SampleFormat(16, '1-byte unsigned integer', 'u1'),
    )
}
_UNREAD = {4: '4-byte fixed point with gain', 7: '3-byte integer', 15: '3-byte unsigned integer'}


def get_format(code: int) -> SampleFormat:
    """Returns the format of a code.

    Raises:
        SegyError: if there is no such format, or it is one of those that are not read.
    """
    if code in FORMATS:
        return FORMATS[code]
    known = ', '.join(f'{known.code} ({known.name})' for known in FORMATS.values())
    what = f'{code} ({_UNREAD[code]})' if code in _UNREAD else str(code)
    raise SegyError(f'sample format {what} in bytes 3225-3226 is not read; known are {known}')


def is_format(code: int) -> bool:
    """Whether the standard has such a format, read here or not."""
    return code in FORMATS or code in _UNREAD


def to_float32(samples: np.ndarray, sample_format: SampleFormat) -> tuple[np.ndarray, int]:
    """Converts stored samples.

    Args:
        samples: any shape, of ``sample_format.dtype``.
        sample_format: as stored.

    Returns:
        C-contiguous float32 of the same shape in the machine's byte order, with 0 in place of what is not a finite
        float32, and how many samples those were.
    """
    values = _converted(samples, sample_format)
    if not sample_format.is_float:
        return values, 0
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if count:
        values[bad] = 0
    return values, count


def not_finite(samples: np.ndarray, sample_format: SampleFormat) -> np.ndarray:
    """Tells which samples :func:`to_float32` counts: NaN, infinite, or beyond float32 (IBM floats reach 7e75)."""
    return ~np.isfinite(_converted(samples, sample_format))


def _converted(samples: np.ndarray, sample_format: SampleFormat) -> np.ndarray:
    if sample_format.code == IBM_FLOAT:
        return ibm_to_float32(samples)
    with np.errstate(over='ignore', invalid='ignore'):
        return samples.astype(np.float32, order='C')


def ibm_to_float32(words: np.ndarray) -> np.ndarray:
    """Converts the bits of IBM floats, normalised or not: exact where float32 has the value, else rounded once.

    Args:
        words: unsigned 4-byte integers of any shape and byte order.

    Returns:
        C-contiguous float32 of the same shape; infinite beyond its range.
    """
    values = np.empty(words.shape, np.float32)
    words, flat = np.ascontiguousarray(words).reshape(-1), values.reshape(-1)
    with np.errstate(over='ignore', under='ignore'):
        for start in range(0, len(words), _CHUNK):
            chunk = words[start : start + _CHUNK].astype(np.uint32)
            scales = _IBM_SCALES[chunk >> 24]
            np.multiply(chunk & 0xFFFFFF, scales, out=flat[start : start + _CHUNK], casting='same_kind')
    return values


def ibm_to_float64(words: np.ndarray) -> np.ndarray:
    """Decodes a few IBM floats exactly: float64 has room for all of them. Words are uint32, of any byte order."""
    words = words.astype(np.uint32)
    return (words & 0xFFFFFF) * _IBM_SCALES[words >> 24]
