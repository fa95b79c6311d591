"""Tells IBM from IEEE floats by their bits, where the binary header names the wrong one.

The highest four bits of an IBM float's fraction are not all zero, unless its writer left it unnormalised. In IEEE
floats these bits are the lowest of the exponent and the three highest of the fraction: zero in 7 to 9 % of amplitudes.
"""

import numpy as np

from mmattn.seismic.segy.formats import IBM_FLOAT, IEEE_FLOAT
from mmattn.seismic.segy.layout import Layout

_FEWEST = 500
_IEEE_SHARES = 0.03, 0.2


def look_of_floats(samples: np.ndarray, layout: Layout) -> str:
    """Says where samples look like floats of the other kind; '' where they do not, or are too few or no such floats.

    Args:
        samples: as stored.
        layout: of their file.
    """
    code = layout.format.code
    if code not in (IBM_FLOAT, IEEE_FLOAT):
        return ''
    words = np.ascontiguousarray(samples).view(samples.dtype.byteorder + 'u4').astype(np.uint32)
    words = np.unique(words[(words & 0x7FFFFFFF) != 0])
    if len(words) < _FEWEST:
        return ''
    share = float(np.mean((words & 0x00F00000) == 0))
    if code == IBM_FLOAT and _IEEE_SHARES[0] < share < _IEEE_SHARES[1]:
        return (
            f'{share:.1%} of the different IBM floats are not normalised, as of IEEE floats that are called IBM: is '
            'it format=5 (--format 5)?'
        )
    if code == IEEE_FLOAT and share == 0 and len(np.unique(words >> 24)) > 4 and _is_wide(words):
        return (
            'no IEEE float has the bits that 7 to 9 % of them should have, as of IBM floats that are called IEEE: is '
            'it format=1 (--format 1)?'
        )
    return ''


def _is_wide(words: np.ndarray) -> bool:
    """Whether both signs and both halves of the exponents' steps occur, so that IEEE floats would show these bits."""
    return len(np.unique(words >> 31)) == 2 and len(np.unique(words >> 23 & 1)) == 2
