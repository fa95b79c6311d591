"""The table of attention layers in the documentation: what each is, where it comes from and what it costs."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmattn.attention import build_attention, list_attention
from mmattn.attention.registry import find_attention
from mmattn.costs.complexity import count_multiply_adds, count_parameters
from mmattn.costs.marked_text import markers, read_part, replace_part

NAME = 'attention table'
START, END = markers(NAME)

_PAPER = re.compile(r'\n\n(?P<title>[^\n]+?),\s+(?P<url>https?://\S+?)[,.]?(?=\s|$)')
_HEADER = ('layer', 'what it does', 'paper', 'cost', 'parameters', 'M multiply-adds', 'activations, MiB')
_EXACT = (0, 3, 4, 5)
_ROW = '| `'


@dataclass(frozen=True)
class Row:
    """One attention layer.

    Args:
        name: its class.
        summary: what it does, the first line of its module's docstring.
        title: of its paper.
        url: of its paper.
        formula: of its multiply-adds, in C, H, W and N = H W.
        parameters: their number.
        multiply_adds: for one map.
        activation_bytes: most memory that a forward pass holds while it keeps what the backward pass needs; None if
            not measured.
    """

    name: str
    summary: str
    title: str
    url: str
    formula: str
    parameters: int
    multiply_adds: int
    activation_bytes: int | None = None

    def cells(self) -> tuple[str, ...]:
        """Returns the table's columns."""
        formula = self.formula.replace('**2', '²').replace('*', ' ')
        memory = '' if self.activation_bytes is None else f'{self.activation_bytes / 2**20:.0f}'
        return (
            f'`{self.name}`',
            self.summary,
            f'[{self.title}]({self.url})',
            formula,
            f'{self.parameters:,}',
            f'{self.multiply_adds / 1e6:,.2f}',
            memory,
        )


def describe(name: str) -> tuple[str, str, str]:
    """Returns what a layer does and its paper's title and URL, as the docstring of its module says.

    Raises:
        ValueError: if the docstring's second paragraph does not begin with ``Title, https://…``.
    """
    module = find_attention('describe', name).layer.__module__
    text = sys.modules[module].__doc__ or ''
    paper = _PAPER.search(text)
    if paper is None:
        raise ValueError(f'the docstring of {module} does not name a paper: `Title, https://…` after the first line')
    summary = text.split('\n')[0].split(':', 1)[-1].strip().rstrip('.')
    summary = summary[0].upper() + summary[1:]
    return summary, paper['title'].split(': ', 1)[-1], paper['url']


def make_row(
    name: str,
    channels: int,
    size: tuple[int, int],
    peak_memory: Callable[[Callable[[], object]], int] | None = None,
) -> Row:
    """Describes and measures one layer with its default options.

    Args:
        name: of ``list_attention()``.
        channels: of the map.
        size: height and width of the map.
        peak_memory: measures a call's memory in bytes; without it that column stays empty.

    Raises:
        ValueError: if there is no such layer, or no paper in its docstring.
    """
    formula = find_attention('make_row', name).formula
    layer = build_attention(name, channels)
    x = torch.zeros(1, channels, *size)
    memory = None if peak_memory is None else peak_memory(lambda: _forward(layer, x))
    counts = count_parameters(layer), count_multiply_adds(layer.eval(), x)
    return Row(name, *describe(name), formula, *counts, memory)


def _forward(layer: nn.Module, x: Tensor) -> Tensor:
    return layer(x.detach().requires_grad_())


def make_table(
    channels: int, size: tuple[int, int], peak_memory: Callable[[Callable[[], object]], int] | None = None
) -> str:
    """Returns the Markdown table of all layers, the cheapest first, under a line that says at which size."""
    rows = [make_row(name, channels, size, peak_memory) for name in list_attention()]
    rows.sort(key=lambda row: (row.multiply_adds, row.name))
    lines = [_line(_HEADER), _line(['---'] * 4 + ['---:'] * 3), *(_line(row.cells()) for row in rows)]
    return f'{caption(channels, size)}\n\n' + '\n'.join(lines)


def caption(channels: int, size: tuple[int, int]) -> str:
    """Returns the sentence above the table."""
    return (
        f'Numbers are for one float32 map of C = {channels} channels and H x W = {size[0]} x {size[1]} positions '
        '(N = H W), with default options; the cost is in multiply-adds.'
    )


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def replace_table(text: str, table: str) -> str:
    """Puts a table between the markers of a document.

    Raises:
        ValueError: if the document does not have both markers, in order.
    """
    return replace_part(text, NAME, table)


def with_old_memory(text: str, table: str) -> str:
    """Returns a table with the memory that a document's table has for the same layers at the same size."""
    section = read_part(text, NAME).strip()
    if section.split('\n')[0] != table.split('\n')[0]:
        return table
    old = {line.split(' | ')[0]: line.rsplit(' | ', 1)[-1] for line in section.splitlines() if line.startswith(_ROW)}
    lines = [
        f'{line.rsplit(" | ", 1)[0]} | {old[name]}' if (name := line.split(' | ')[0]) in old else line
        for line in table.splitlines()
    ]
    return '\n'.join(lines)


def differences(text: str, table: str) -> list[str]:
    """Compares a document's table with a fresh one in what does not depend on the machine.

    Args:
        text: the document.
        table: as ``make_table`` returns it.

    Returns:
        One line for each difference in layers, formulas, parameters, multiply-adds or size; none if up to date.
    """
    section = read_part(text, NAME)
    old, new = _exact(section), _exact(table)
    if section.strip().split('\n')[0] != table.split('\n')[0]:
        return [f'the table is of another size: {section.strip().splitlines()[:1]}']
    changed = [f'{name}: {old[name]} is now {new[name]}' for name in new if name in old and old[name] != new[name]]
    return [
        *(f'{name} is missing' for name in new if name not in old),
        *(f'{name} is no attention layer' for name in old if name not in new),
        *changed,
    ]


def _exact(table: str) -> dict[str, str]:
    rows = [line.strip('| ').split(' | ') for line in table.splitlines() if line.startswith(_ROW)]
    return {row[0].strip('`'): ' | '.join(row[column] for column in _EXACT[1:]) for row in rows}
