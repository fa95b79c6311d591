"""Cells of tables that people open in a spreadsheet, and long tables of numbers as text."""

import re

import numpy as np

_AT_ONCE = 10_000
_FORMULA = ('=', '+', '-', '@', '\t', '\r')
_NUMBER = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf)', re.IGNORECASE)


def safe_cell(value: object) -> object:
    """Returns a cell that no spreadsheet takes for a formula: text that begins as one gets an apostrophe first."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def safe_row(values: object) -> list:
    """Returns a row of such cells."""
    return [safe_cell(value) for value in values]


def format_rows(rows: np.ndarray, form: str) -> str:
    """Formats numbers, a line for each row, many lines at a time.

    Args:
        rows: (N, K).
        form: of a row, with K places such as %d and %.3f.
    """
    parts = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
    return ''.join(f'{form}\n' * len(part) % tuple(part.ravel().tolist()) for part in parts)
