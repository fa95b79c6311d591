"""The table of attention layers."""

import pytest

from mmattn.attention import list_attention
from mmattn.attention.registry import mechanisms
from mmattn.costs.attention_table import END, START, differences, make_row, make_table, replace_table


@pytest.fixture(scope='module')
def table() -> str:
    return make_table(64, (12, 10))


@pytest.mark.parametrize('channels', [256, 512])
@pytest.mark.parametrize('name', list_attention())
def test_the_formula_is_what_is_counted(name: str, channels: int):
    """At sizes where no hidden width is rounded up; two numbers of channels tell C from log C."""
    height, width = 26, 20
    row = make_row(name, channels, (height, width))
    expected = mechanisms()[name].multiply_adds(channels, height, width)
    assert row.multiply_adds == pytest.approx(expected, rel=0.01)
    assert row.url.startswith('https://arxiv.org/abs/')
    assert len(row.title) > 10
    assert row.summary[-1] != '.'


def test_squeeze_excitation_by_hand():
    row = make_row('SqueezeExcitation', 32, (4, 4), lambda call: 3 * 2**20 * len(call().shape))
    assert (row.parameters, row.multiply_adds) == (2 * 32 * 2 + 2 + 32, 2 * 32 * 2)
    assert row.cells()[3:] == ('C²/8', '162', '0.00', '12')


def test_an_unknown_layer_or_one_without_a_paper_is_an_error(monkeypatch):
    with pytest.raises(ValueError, match="make_row: no attention layer 'CBM'; did you mean 'CBAM'"):
        make_row('CBM', 32, (4, 4))
    monkeypatch.setattr('mmattn.attention.scse.__doc__', 'Nothing.')
    with pytest.raises(ValueError, match=r'docstring of mmattn\.attention\.scse does not name a paper'):
        make_row('SCSE', 32, (4, 4))


def test_the_table_has_each_layer_once_and_is_found_again(table: str):
    text = replace_table(f'above\n{START}\nold\n{END}\nbelow', table)
    assert text.startswith(f'above\n{START}\nNumbers are for one float32 map of C = 64')
    assert text.endswith(f'{END}\nbelow')
    assert all(text.count(f'| `{name}` |') == 1 for name in list_attention())
    assert differences(text, table) == []
    assert replace_table(text, table) == text


def test_differences_are_named_and_memory_is_not_compared(table: str):
    rows = table.splitlines()
    cbam = next(index for index, row in enumerate(rows) if row.startswith('| `CBAM`'))
    text = replace_table(f'{START}{END}', table)
    assert differences(text.replace(rows[cbam], f'{rows[cbam].removesuffix(" |")}77 |'), table) == []
    name, *_, parameters, _count, _ = rows[cbam].strip('| ').split(' | ')
    changed = text.replace(rows[cbam], rows[cbam].replace(f'| {parameters} |', '| 1 |'))
    assert differences(changed, table)[0].startswith('CBAM: ')
    assert differences(text.replace(rows[cbam] + '\n', ''), table) == ['CBAM is missing']
    assert differences(text.replace(name, '`Gone`'), table) == ['CBAM is missing', 'Gone is no attention layer']
    assert 'another size' in differences(text, make_table(64, (12, 9)))[0]


def test_a_document_without_markers_is_an_error():
    with pytest.raises(ValueError, match='the document has no lines <!-- attention table: start -->'):
        replace_table(f'{START} only', 'table')
