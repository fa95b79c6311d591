"""Measures few_lines.py on made-up surveys: IoU against minutes and labelled inlines, evenly spaced and suggested.

python tools/analysis/few_lines.py --out results/few_lines.csv --minutes 0.1 0.5 --lines 1 2 4 8 --seeds 0 1

Minutes are those of the processor in this process, so that others on the machine do not count. Prints a table.
"""

import argparse
import tempfile
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_file, run_tool


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--out', type=Path, required=True, help='file for the rows (.csv)')
    parser.add_argument('--minutes', type=float, nargs='+', default=[0.1, 0.5], help='of each training')
    parser.add_argument('--lines', type=int, nargs='+', default=[1, 2, 4, 8], help='labelled inlines, rising')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='of surveys and trainings')
    parser.add_argument('--shape', type=int, nargs=3, default=[200, 200, 256], help='of the surveys')
    parser.add_argument('--every', type=int, default=4, help='so many-th inlines are predicted')
    parser.add_argument('--start', help='network to start from; as of few_lines.py')
    args = parser.parse_args()
    if args.lines != sorted(set(args.lines)) or args.lines[0] < 1:
        parser.error(f'--lines must rise from 1 or more, got {args.lines}')
    if min(args.minutes) <= 0 or args.every < 1:
        parser.error('--minutes and --every must be above 0')
    return args


def main() -> None:
    """Measures and prints."""
    args = parse_args()
    check_file('--out', args.out)
    from mmattn.studies.few_lines_study import measure, table, write_rows

    rows = []
    given = dict(counts=tuple(args.lines), shape=tuple(args.shape), every=args.every, start=args.start)
    with tempfile.TemporaryDirectory() as folder:
        for seed in args.seeds:
            for minutes in args.minutes:
                for row in measure(Path(folder), seed=seed, minutes=minutes, **given):
                    rows.append(row)
                    print(row, flush=True)
                    write_rows(args.out, rows)
    print(table(rows))


if __name__ == '__main__':
    run_tool(main)
