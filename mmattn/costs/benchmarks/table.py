"""A benchmark's rows as csv and as markdown, in a file that is always whole."""

import csv
import io
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from mmattn.common.files import write_whole
from mmattn.common.tables import safe_cell
from mmattn.costs.marked_text import read_part, replace_part


class Cells(Protocol):
    """A row of a table."""

    def cells(self) -> dict[str, str]:
        """The row by column."""
        ...


def as_csv(rows: Sequence[Cells]) -> str:
    """The table as csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0].cells()))
    writer.writeheader()
    writer.writerows({name: safe_cell(cell) for name, cell in row.cells().items()} for row in rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Cells]) -> str:
    """The table as markdown."""
    lines = [list(rows[0].cells()), ['---'] * len(rows[0].cells()), *(list(row.cells().values()) for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def write_table(rows: Sequence[Cells], path: Path) -> None:
    """Writes rows to a .csv or .md file, which holds the old table or the new one at any moment."""
    text = as_csv(rows) if path.suffix == '.csv' else as_markdown(rows)
    unfinished = path.with_name(f'{path.name}.part')
    unfinished.write_text(text, encoding='utf-8')
    os.replace(unfinished, path)


def replace_table(page: Path, name: str, rows: Sequence[Cells]) -> None:
    """Writes rows, and on what machine they were measured, into a document's part for them.

    Args:
        page: the document.
        name: of the command; the part stands between the markers of ``speed NAME``.
        rows: none checks the document alone.

    Raises:
        OSError: if the document cannot be read.
        ValueError: if it has no such part.
    """
    text, part = page.read_text(encoding='utf-8'), f'speed {name}'
    read_part(text, part)
    if rows:
        write_whole(page, replace_part(text, part, f'{_machine()}\n\n{as_markdown(rows)}'))


def _machine() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
        processor = next(line.split(':')[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):  # not on Linux
        processor = platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    simd = torch.backends.cpu.get_cpu_capability()
    return f'{processor}, {simd}, PyTorch {torch.__version__}, {threads} thread{"s" * (threads > 1)}.'


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads a csv table's cells; none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))
