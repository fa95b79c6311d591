"""Writes the zoo: model-index.yml, the metafiles of the configs and the tables in docs/zoo.md.

python tools/zoo.py --write      # of results/zoo.csv and results/costs.csv, in a clone
python tools/zoo.py --check      # exit code 1 if a file is out of date
python tools/zoo.py --count salt_best pvt_salt   # count networks anew into results/costs.csv; all by default

The table is that of the documentation: what each config is, costs and reached, and the commands that measured it.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

from mmattn.cli.command_line import ToolParser, run_tool
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import write_whole
from mmattn.common.resources import config_names, find_config

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / 'results' / 'costs.csv'
PAGE = 'docs/zoo.md'


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--write', action='store_true', help='write all files')
    what.add_argument('--check', action='store_true', help='compare with the files there are')
    what.add_argument('--count', nargs='*', metavar='CONFIG', help='count parameters and multiply-adds')
    return parser.parse_args()


def gather_size(backbone: dict) -> tuple[int, int]:
    """Returns the time samples and receivers to count a velocity network at: its own, or 250 and one a column."""
    return backbone.get('num_samples') or 250, backbone.get('num_receivers') or backbone['grid'][1]


def count(names: list[str]) -> None:
    """Counts networks, and writes after each."""
    from mmattn.cli.launch import load_config
    from mmattn.cli.progress import tracked
    from mmattn.costs.complexity import input_size, segmentor_complexity

    rows = {}
    if COSTS.is_file():
        with COSTS.open(newline='', encoding='utf-8') as file:
            rows = {row['config']: row for row in csv.DictReader(file)}
    for name in tracked(names or list(config_names()), 'counting'):
        config = load_config(str(find_config(name)))
        backbone = config.model.backbone
        size = gather_size(backbone) if 'grid' in backbone else input_size(config)
        found = segmentor_complexity(config, size)
        cells = dict(height=size[0], width=size[1], parameters=found.parameters, multiply_adds=found.multiply_adds)
        rows[name] = dict(config=name, **cells)
        text = io.StringIO()
        table = csv.DictWriter(text, rows[name], lineterminator='\n')
        table.writeheader()
        table.writerows(row for _, row in sorted(rows.items()))
        write_whole(COSTS, text.getvalue())


def make_files() -> dict[str, str]:
    """Returns what the files of the zoo should hold, by path from the root."""
    from mmattn.costs.marked_text import replace_part
    from mmattn.studies.zoo import TABLE, commands, metafiles, read_zoo, zoo_table

    entries = read_zoo(COSTS.parent, config_names())
    page = (ROOT / PAGE).read_text(encoding='utf-8')
    page = replace_part(page, TABLE, zoo_table(entries))
    return metafiles(entries) | {PAGE: replace_part(page, 'zoo commands', commands(entries))}


def main() -> int:
    """Writes, compares or counts."""
    args = parse_args()
    if not COSTS.parent.is_dir():
        raise InputError(f'{COSTS.parent} is no folder: the zoo is written in a clone of the repository')
    if args.count is not None:
        count(args.count)
        return 0
    try:
        files = make_files()
    except ValueError as error:
        raise InputError(one_line(error)) from error
    stale = [
        name
        for name, text in files.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding='utf-8') != text
    ]
    if args.check:
        for name in stale:
            print(f'{name} is out of date: python tools/zoo.py --write', file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        write_whole(ROOT / name, files[name])
        print(f'written: {name}')
    return 0


if __name__ == '__main__':
    run_tool(main)
