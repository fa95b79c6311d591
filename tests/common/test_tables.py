"""Cells that a spreadsheet would take for formulas."""

import pytest

from mmattn.common.tables import safe_cell, safe_row


@pytest.mark.parametrize('text', ['=1+1', '+cmd', '-x', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://a")', '-1+1'])
def test_a_formula_becomes_text(text: str):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize('value', ['a', '', '-1.5', '+2e-3', '-nan', 'a=b', 3, -2.5, None])
def test_others_stay(value):
    assert safe_cell(value) == value
    assert safe_row([value]) == [value]
