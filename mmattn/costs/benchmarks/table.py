"""A benchmark's rows as csv and as markdown, in a file that is always whole."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mmattn.common.tables import safe_cell


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


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads a csv table's cells; none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))
