"""Counts parameters and multiply-adds of the published networks, for the table in docs/umixformer.md.

python tools/model_table.py [CONFIG …]                    # print, of all published networks or of some configs
python tools/model_table.py --out docs/umixformer.md      # write
python tools/model_table.py --check docs/umixformer.md    # exit code 1 if it is out of date
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.cli.progress import tracked
from mmattn.common.errors import InputError
from mmattn.common.files import write_whole
from mmattn.costs.marked_text import read_part, replace_part

if TYPE_CHECKING:
    from mmattn.costs.model_table import Row

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('configs', nargs='*', type=Path, metavar='CONFIG', help='all published networks by default')
    parser.add_argument('--out', type=Path, help='document to write the table into, between its markers')
    parser.add_argument('--check', type=Path, help='document to compare')
    args = parser.parse_args()
    if args.configs and (args.out or args.check):
        parser.error('--out and --check are for the table of all published networks: give no configs')
    return args


def count(path: Path) -> 'Row':
    """Counts one network.

    Raises:
        InputError: if it cannot be counted.
    """
    from mmattn.costs.model_table import make_row

    try:
        return make_row(path)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from error


def main() -> None:
    """Prints, writes or compares the table."""
    args = parse_args()
    from mmattn.cli.launch import load_config  # after the options, so that --help comes at once
    from mmattn.costs.model_table import NAME, PUBLISHED, differences, make_table

    document = args.check or args.out
    if document and not document.is_file():
        raise InputError(f'{document} is not a file')
    if args.out:
        check_file('--out', args.out)
    text = document.read_text(encoding='utf-8') if document else ''
    try:
        if document:
            read_part(text, NAME)  # before the work
    except ValueError as error:
        raise InputError(f'{document}: {error}') from error
    paths = args.configs or [CONFIGS / f'{name}.py' for name in PUBLISHED]
    for path in paths:
        load_config(str(path))
    rows = [count(path) for path in tracked(paths, 'counting')]
    table = make_table(rows)
    if args.check:
        if changed := differences(text, table):
            print(f'{document} is out of date:', *changed, sep='\n', file=sys.stderr)
            sys.exit(1)
        print(f'{document} is up to date')
    elif args.out:
        write_whole(args.out, replace_part(text, NAME, table))
    else:
        print(table)


if __name__ == '__main__':
    run_tool(main)
