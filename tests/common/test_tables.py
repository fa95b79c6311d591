"""Cells that a spreadsheet would take for formulas, and rows of numbers."""

import numpy as np
import pytest

from mmattn.common.tables import format_rows, safe_cell, safe_row


@pytest.mark.parametrize('text', ['=1+1', '+cmd', '-x', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://a")', '-1+1'])
def test_a_formula_becomes_text(text: str):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize('value', ['a', '', '-1.5', '+2e-3', '-nan', 'a=b', 3, -2.5, None])
def test_others_stay(value):
    assert safe_cell(value) == value
    assert safe_row([value]) == [value]


@pytest.mark.parametrize('count', [0, 1, 25_001])
def test_rows_of_numbers(count: int):
    rows = np.column_stack([np.arange(count), np.arange(count) / 8])
    assert format_rows(rows, 'v %d %.3f') == ''.join(f'v {number} {number / 8:.3f}\n' for number in range(count))
