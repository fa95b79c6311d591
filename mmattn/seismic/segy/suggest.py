"""Suggests byte positions: trace header words that form a grid."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmattn.seismic.segy.headers import CHANNEL, OFFSET, read_words
from mmattn.seismic.segy.layout import Layout
from mmattn.seismic.segy.words import KINDS, WORD_SIZES, Word, parse_word

_KNOWN = ((189, 193), (9, 21), (5, 21), (9, 17), (17, 21), (181, 185), (9, 13), (221, 225), (237, 233), (233, 237))
"""Pairs in use, most usual first."""
_NEVER = frozenset((CHANNEL - 12, OFFSET, 73, 77, 81, 85, 29, 71, 89, 115, 117, 157, 159, 161, 163, 165, 167))
"""Words that name no line: running number, offset, coordinates of source and receiver, codes, counts, date and time."""
_WHOLES = (189, 193, 5, 9, 17, 21, 25, 181, 185, 197, 221, 225, 229, 233, 237)
"""Where words of other types are looked for, too; their halves for those of two bytes."""
_HALVES = tuple(byte + half for byte in _WHOLES for half in (0, 2))
_FULLEST = 0.3
_MOST_WORDS = 14


@dataclass(frozen=True)
class Suggestion:
    """Two words that form a grid.

    Args:
        iline: word of the inline number, a byte or a text such as '21:int16'.
        xline: word of the crossline number.
        shape: lines of each.
        fill: share of the grid's places that have a trace.
    """

    iline: int | str
    xline: int | str
    shape: tuple[int, int]
    fill: float

    def __str__(self) -> str:
        shape = f'{self.shape[0]} x {self.shape[1]} lines, {self.fill:.0%} filled'
        return f'iline={self.iline!r}, xline={self.xline!r} ({shape})'


def suggest_bytes(layout: Layout, *, most: int = 3) -> list[Suggestion]:
    """Looks for pairs of header words of which no two traces have the same values and that fill a grid.

    Args:
        layout: of the file.
        most: suggestions to return.

    Returns:
        The pairs, best first: usual pairs before others, then by how full the grid is.
    """
    if layout.num_traces < 4:
        return []
    standard = [byte for byte in WORD_SIZES if byte not in _NEVER]
    found = _grids(layout, {byte: parse_word('byte', byte) for byte in standard})
    if not found:  # words of other sizes and types than the standard's
        for kind in KINDS:
            places = _HALVES if kind == 'int16' else _WHOLES
            words = [Word(byte, kind) for byte in places]
            found += _grids(layout, {word.byte: word for word in words if word.option != word.byte})
    return sorted(found, key=_rank)[:most]


def _grids(layout: Layout, candidates: dict[int, Word]) -> list[Suggestion]:
    """Pairs of words, by their first bytes, that form a grid."""
    words = {}
    for chunk in _chunks([*candidates], 8):  # few words at a time, for files of many traces
        words |= _coded(layout, {byte: candidates[byte] for byte in chunk})
    # words that say the same as an earlier one are no news; those of many values cannot be line numbers
    kept = sorted(words, key=lambda byte: (_rank_of_word(byte), byte))[:_MOST_WORDS]
    found = []
    for iline, xline in _pairs(kept):
        rows, columns = words[iline], words[xline]
        shape = int(rows.max()) + 1, int(columns.max()) + 1
        places = shape[0] * shape[1]
        fill = layout.num_traces / places
        if not _FULLEST <= fill <= 1:
            continue
        if np.bincount(rows.astype(np.int64) * shape[1] + columns, minlength=places).max() == 1:
            found.append(Suggestion(candidates[iline].option, candidates[xline].option, shape, fill))
    return found


def _coded(layout: Layout, candidates: dict[int, Word]) -> dict[int, np.ndarray]:
    """Words that can be line numbers, as indices of their sorted values."""
    most = layout.num_traces // 2
    coded = {}
    for byte, values in read_words(layout, {str(byte): word for byte, word in candidates.items()}).items():
        unique, codes = np.unique(values, return_inverse=True)
        whole = values.dtype.kind == 'i' or bool(np.all((np.abs(unique) < 2**31) & (unique == np.rint(unique))))
        if 2 <= len(unique) <= most and whole:
            coded[int(byte)] = codes.astype(np.int32)
    return coded


def _chunks(items: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _pairs(words: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs in which the first word stands first in a usual pair, or comes first."""
    for first in words:
        for second in words:
            if (first < second and (second, first) not in _KNOWN) or (first, second) in _KNOWN:
                yield first, second


def _rank_of_word(byte: int) -> int:
    for rank, pair in enumerate(_KNOWN):
        if byte in pair:
            return rank
    return len(_KNOWN)


def _rank(found: Suggestion) -> tuple:
    pair = tuple(parse_word('byte', word).byte for word in (found.iline, found.xline))
    return (_KNOWN.index(pair) if pair in _KNOWN else len(_KNOWN), -found.fill, pair)
