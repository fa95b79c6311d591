"""Compares every salt network under one protocol on real tiles.

python tools/salt_benchmark.py --data data/salt --out work_dirs/salt_benchmark [--models ccnet danet] [--seeds 0 1 2]

The same command goes on where it was interrupted; more networks, seeds or folds may be added to a folder.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ON_DEVICE, ToolParser, add_cfg_options, run_tool
from mmattn.common.errors import InputError

if TYPE_CHECKING:
    from mmattn.studies.salt_benchmark import Benchmark

TOOLS = Path(__file__).resolve().parent
METRICS = 'mean_precision', 'salt_iou', 'boundary_f1'


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--data', type=Path, required=True, help='folder that tools/prepare_tgs.py wrote')
    parser.add_argument('--out', type=Path, required=True, help='folder for trainings, tables and pictures')
    parser.add_argument('--models', nargs='+', default=[], help='names in configs/, or paths; all salt configs')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='of the trainings')
    parser.add_argument('--folds', nargs='+', type=int, default=[0], help='held out in turn')
    parser.add_argument('--images', type=int, default=150_000, help='that each training sees')
    parser.add_argument('--budget', type=float, metavar='MINUTES', help='ends work after that time; default no limit')
    parser.add_argument('--metrics', nargs='+', default=list(METRICS), help='of validation; the first is drawn')
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument('--augment-on-device', action='store_true', help=ON_DEVICE)
    parser.add_argument('--report-only', action='store_true', help='write tables and pictures of what is there')
    add_cfg_options(parser, of='every network', as_text=True)
    args = parser.parse_args()
    if args.budget is not None and args.budget <= 0:
        parser.error(f'--budget must be positive, got {args.budget:g}')
    return args


def work(benchmark: 'Benchmark', args: argparse.Namespace) -> int:
    """Trains, tests and reports, and returns the exit code."""
    import torch

    from mmattn.studies import locked
    from mmattn.studies.salt_benchmark import prepare, run, write_report

    command = f'python tools/salt_benchmark.py {shlex.join(sys.argv[1:])}'.replace(str(args.data), 'DATA')
    command = command.replace(str(args.out), 'OUT')

    def report() -> list[Path]:
        return write_report(benchmark, args.metrics, command=command)

    with locked(benchmark.out) as lock:
        prepare(benchmark)
        complete = True
        try:
            if not args.report_only:
                devices = [str(index) for index in range(torch.cuda.device_count())] or [None]
                complete = run(
                    benchmark,
                    TOOLS,
                    devices=devices,
                    minutes=args.budget,
                    lock=lock,
                    metrics=args.metrics,
                    report=report,
                )
        finally:
            files = report()
            print((benchmark.out / 'results.md').read_text(encoding='utf-8'))
            print('written:', *files)
    return 0 if complete else 1


def main() -> int:
    """Compares."""
    args = parse_args()
    from mmattn.cli.amp import amp_options  # after the options, so that --help comes at once
    from mmattn.studies.salt_benchmark import find_models, plan

    try:
        benchmark = plan(
            args.data,
            find_models(args.models, TOOLS.parent / 'configs'),
            folds=args.folds,
            seeds=args.seeds,
            images=args.images,
            options=[*args.cfg_options, *(amp_options() if args.amp else ())],
            out=args.out,
            on_device=args.augment_on_device,
        )
        return work(benchmark, args)
    except ValueError as error:
        raise InputError(str(error)) from None


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on')
