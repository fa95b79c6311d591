"""Sample formats of SEG-Y and their conversion to float32.

Codes are those of bytes 3225-3226 of the binary header (SEG-Y revision 2.0, 2017, table 2). Samples are read as the
bytes they are and converted once; IBM floating point through segyio.
"""

from dataclasses import dataclass

import numpy as np
import segyio._segyio  # segyio.tools.native needs it and does not import it (1.9.14)
import segyio.tools

from mmattn.seismic.segy.errors import SegyError

IBM_FLOAT, IEEE_FLOAT = 1, 5


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
    if sample_format.code == IBM_FLOAT:
        big = np.ascontiguousarray(samples.astype('>u4'))
        values = segyio.tools.native(big, format=IBM_FLOAT, copy=False)
    else:
        with np.errstate(over='ignore', invalid='ignore'):
            values = samples.astype(np.float32, order='C')
    if not sample_format.is_float:
        return values, 0
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if count:
        values[bad] = 0
    return values, count
