"""Measures speed and memory beside the named peers, in one process.

python tools/benchmark.py ops [--ops criss_cross …] [--size 1 512 97 97] [--dtype float32] [--device cpu] [--out FILE]
"""

import argparse
import csv
import io
from pathlib import Path

import torch
from benchmarks.ops import Row, compare
from benchmarks.published import PEERS

DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    ops = commands.add_parser('ops', help='attention layers against those of mmcv and mmseg')
    ops.add_argument('--ops', nargs='+', choices=list(PEERS), default=list(PEERS))
    ops.add_argument('--size', nargs=4, type=int, default=[1, 512, 97, 97], metavar=('B', 'C', 'H', 'W'))
    ops.add_argument('--dtype', choices=list(DTYPES), default='float32')
    ops.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    ops.add_argument('--repeats', type=int, default=10, help='timed calls of each; the median counts')
    ops.add_argument('--threads', type=int, help="CPU threads; PyTorch's choice by default")
    ops.add_argument('--out', type=Path, help='file for the table: .md or .csv')
    args = parser.parse_args()
    if args.out and args.out.suffix not in ('.md', '.csv'):
        parser.error(f'--out must end with .md or .csv, got {str(args.out)!r}')
    if args.repeats < 1 or min(args.size) < 1 or args.size[1] < 16:
        parser.error('--repeats and --size must be positive, with at least 16 channels')
    return args


def as_csv(rows: list[Row]) -> str:
    """The table as csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0].cells()))
    writer.writeheader()
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def as_markdown(rows: list[Row]) -> str:
    """The table as markdown."""
    lines = [list(rows[0].cells()), ['---'] * len(rows[0].cells()), *(list(row.cells().values()) for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def main() -> None:
    """Compares, prints and writes."""
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    rows: list[Row] = []
    for op in args.ops:
        rows += compare(op, args.size, dtype=DTYPES[args.dtype], device=torch.device(args.device), repeats=args.repeats)
        for row in rows[-2:]:
            print(f'{row.op:20} {row.work:17} time {row.time_ratio or "-":>5}  memory {row.memory_ratio or "-":>5}')
        if args.out:  # after each, so that an interrupted run keeps what it has
            args.out.write_text(as_csv(rows) if args.out.suffix == '.csv' else as_markdown(rows), encoding='utf-8')
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; ratios are ours divided by the peer's")
    print(as_markdown(rows))


if __name__ == '__main__':
    main()
