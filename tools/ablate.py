"""Compares attention layers: trains each with each seed, and makes one table and one picture.

python tools/ablate.py configs/ccnet_salt.py --attention none se cbam cc --seeds 0 1 2 [--where neck] [--dry-run]

The same command goes on where it was interrupted.
"""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, add_cfg_options, read_options, run_tool
from mmattn.common.errors import InputError
from mmattn.common.names import PLACES
from mmattn.common.resources import find_config

if TYPE_CHECKING:
    from mmattn.studies.ablation import Ablation

TRAIN = Path(__file__).resolve().parent / 'train.py'


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'config', type=Path, help='config file of the experiment, or the name of one that comes with mmattn'
    )
    layers = 'all, none, additive, or layers by short name (se, cbam, cc) or class; a wrong name lists all'
    parser.add_argument('--attention', nargs='+', required=True, metavar='NAME', help=layers)
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='seeds of the trainings')
    parser.add_argument('--where', choices=PLACES, default='neck', help='where the layer goes')
    parser.add_argument('--out', type=Path, help='folder; work_dirs/ablation_CONFIG_WHERE by default')
    parser.add_argument('--metric', nargs='+', default=['salt_iou'], help='validation metrics; the first is drawn')
    parser.add_argument('--size', nargs=2, type=int, metavar=('H', 'W'), help='to count multiply-adds at; crop_size')
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument('--dry-run', action='store_true', help='write the configs and print the commands')
    add_cfg_options(parser, as_text=True)
    return parser.parse_args()


def work(ablation: 'Ablation', options: dict, *, dry_run: bool) -> int:
    """Prints or trains the cells, and returns the exit code."""
    from mmattn.studies import FINISHED, locked, train_command
    from mmattn.studies.ablation import prepare, run, write_report

    with locked(ablation.out) as lock:
        prepare(ablation)
        if dry_run:
            for cell in ablation.cells:
                resume = (cell.work_dir / 'last_checkpoint').is_file()
                print(shlex.join(train_command(cell, TRAIN, ablation.options, resume=resume)))
            return 0
        try:
            results = run(ablation, TRAIN, options, lock=lock)
        finally:
            files = write_report(ablation.out, ablation.metrics, ablation.title)
            print((ablation.out / 'results.md').read_text(encoding='utf-8'))
            print('written:', *files)
    return 0 if all(result.status == FINISHED for result in results) else 1


def main() -> int:
    """Compares."""
    args = parse_args()
    from mmattn.cli.amp import amp_options  # after the options, so that --help comes at once
    from mmattn.cli.launch import load_config
    from mmattn.studies.ablation import plan

    texts = [*args.cfg_options, *(amp_options() if args.amp else ())]
    options = read_options(texts)
    config = load_config(str(args.config), options)
    try:
        ablation = plan(
            find_config(args.config),
            config,
            options=texts,
            attention=args.attention,
            seeds=args.seeds,
            where=args.where,
            metrics=args.metric,
            size=args.size and tuple(args.size),
            out=args.out or Path('work_dirs') / f'ablation_{args.config.stem}_{args.where}',
        )
        return work(ablation, options, dry_run=args.dry_run)
    except ValueError as error:
        raise InputError(str(error)) from None


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on')
