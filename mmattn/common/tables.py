"""Cells of tables that people open in a spreadsheet."""

import re

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
