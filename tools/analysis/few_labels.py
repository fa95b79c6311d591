"""Measures how a network's scores grow with labelled tiles, from the shipped weights, from ImageNet's and from none.

python tools/analysis/few_labels.py data/salt --out work_dirs/few_labels [--labels 16 64 256 1024] [--draws 3]

All see as many images. Tiles are drawn from the other folds; scores are those of all tiles of --fold, after the last
iteration: as few_labels.csv, a table, and curves (few_labels.png). The same command goes on where it was interrupted.
"""

import argparse
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.common.errors import InputError, one_line
from mmattn.registration import register
from mmattn.studies import locked
from mmattn.studies.few_labels import STARTS, Study, run, save_curves, table


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('data', type=Path, help='folder that tools/prepare_tgs.py wrote')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument('--labels', type=int, nargs='+', default=[16, 64, 256, 1024], help='numbers of labelled tiles')
    parser.add_argument('--start', nargs='+', choices=STARTS, default=list(STARTS), help='weights to start from')
    parser.add_argument('--draws', type=int, default=3, help='how often tiles are drawn')
    parser.add_argument('--images', type=int, default=4096, help='that each training sees')
    parser.add_argument('--fold', type=int, default=0, help='to test on')
    parser.add_argument('--imagenet', default='data/pretrained/mobilenet_v2.pth', help="the encoder's ImageNet weights")
    return parser.parse_args()


def main() -> None:
    """Measures."""
    args = parse_args()
    check_folder('--out', args.out)
    register()
    names = ('labels', 'draws', 'images', 'fold', 'imagenet')
    try:
        study = Study(args.data, args.out, starts=args.start, **{name: getattr(args, name) for name in names})
        with locked(args.out), Display() as display:
            outcomes = run(study, lambda done, total: display('trainings', done, total))
    except (ValueError, OSError) as error:
        raise InputError(one_line(error)) from error
    print(table(outcomes))
    save_curves(args.out / 'few_labels.png', outcomes)


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on')
