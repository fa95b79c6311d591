"""Measures the attention layers for the table in docs/attention.md.

python tools/attention_table.py --out docs/attention.md         # count and write; memory stays as it is there
python tools/attention_table.py --out docs/attention.md --memory   # measure memory, too
python tools/attention_table.py --check docs/attention.md       # exit code 1 if it is out of date
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.common.errors import InputError
from mmattn.common.files import write_whole


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--channels', type=int, default=512, help='channels of the map')
    parser.add_argument('--size', type=int, nargs=2, default=[97, 97], metavar=('H', 'W'), help='size of the map')
    parser.add_argument('--out', type=Path, help='document to write the table into, between its markers')
    parser.add_argument('--check', type=Path, help='document to compare, but for measured memory')
    parser.add_argument('--memory', action='store_true', help='measure the memory of each layer')
    args = parser.parse_args()
    if args.channels < 1 or min(args.size) < 1:
        parser.error(f'--channels and --size must be at least 1, got {args.channels} and {args.size}')
    return args


def main() -> None:
    """Prints, writes or compares the table."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.costs.attention_table import differences, make_table, replace_table, with_old_memory
    from mmattn.costs.benchmarks.measure import peak_memory

    memory: Callable | None = partial(peak_memory, device=torch.device('cpu')) if args.memory else None
    document = args.check or args.out
    if document and not document.is_file():
        raise InputError(f'{document} is not a file')
    if args.out:
        check_file('--out', args.out)
    try:
        text = document.read_text(encoding='utf-8') if document else ''
        if args.out:
            replace_table(text, '')  # before the work
        table = make_table(args.channels, tuple(args.size), memory)
        changed = differences(text, table) if args.check else []
        new = replace_table(text, table if args.memory else with_old_memory(text, table)) if args.out else ''
    except ValueError as error:
        raise InputError(f'{document}: {error}' if document else str(error)) from error
    if args.check:
        if changed:
            print(f'{document} is out of date: {"; ".join(changed)}', file=sys.stderr)
            sys.exit(1)
        print(f'{document} is up to date')
    elif args.out:
        write_whole(args.out, new)
    else:
        print(table)


if __name__ == '__main__':
    run_tool(main)
