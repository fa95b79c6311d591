"""Measures few_lines.py where salt is known: IoU against minutes and labelled inlines, evenly spaced and suggested.

python tools/analysis/few_lines.py --out results/few_lines.csv --minutes 0.25 1 3 --lines 2 4 --start random
python tools/analysis/few_lines.py --out tiles.csv --tiles data/salt --minutes 0.25 1 3 --lines 8 32 --every 8

On surveys of the built-in geology, or on the tiles of a folder that prepare_tgs.py wrote, where a line is a tile. Each
training is of the most minutes and scored after the fewer ones, too. Minutes are those of the processor in this
process, so that others on the machine do not count. Rows of a file that is there are kept. Prints tables.
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.common.errors import InputError, one_line


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--out', type=Path, required=True, help='file for the rows (.csv)')
    parser.add_argument('--minutes', type=float, nargs='+', default=[0.1, 0.5], help='after which trainings are scored')
    parser.add_argument('--lines', type=int, nargs='+', default=[1, 2, 4, 8], help='labelled inlines, rising')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='of surveys and trainings')
    parser.add_argument('--shape', type=int, nargs=3, default=[200, 200, 256], help='of the surveys')
    parser.add_argument('--every', type=int, default=4, help='so many-th inlines are predicted')
    parser.add_argument('--tiles', type=Path, metavar='DATA', help='a folder of tiles instead of made-up surveys')
    parser.add_argument('--start', nargs='+', default=['salt-synthetic'], help='networks to start from, or random')
    args = parser.parse_args()
    if args.lines != sorted(set(args.lines)) or args.lines[0] < 1:
        parser.error(f'--lines must rise from 1 or more, got {args.lines}')
    if args.minutes != sorted(set(args.minutes)) or args.minutes[0] <= 0:
        parser.error(f'--minutes must rise from above 0, got {args.minutes}')
    if args.every < 1:
        parser.error(f'--every must be above 0, got {args.every}')
    return args


def main() -> None:
    """Measures and prints."""
    args = parse_args()
    check_file('--out', args.out)
    from mmattn.studies.few_lines_study import made_up, measure, read_rows, table, tiles_of, write_rows

    rows = read_rows(args.out) if args.out.exists() else []
    given = dict(minutes=tuple(args.minutes), counts=tuple(args.lines), every=args.every)
    try:
        for seed, start in product(args.seeds, args.start):
            known = made_up(tuple(args.shape), seed) if args.tiles is None else tiles_of(args.tiles)
            with tempfile.TemporaryDirectory() as folder:
                for row in measure(Path(folder), known, seed=seed, start=start, **given):
                    rows.append(row)
                    print(row, flush=True)
                    write_rows(args.out, rows)
    except (OSError, ValueError) as error:
        raise InputError(one_line(error)) from error
    print(table(rows))


if __name__ == '__main__':
    run_tool(main)
