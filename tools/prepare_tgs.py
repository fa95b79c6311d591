"""Prepares the TGS Salt Identification Challenge's data for training.

python tools/prepare_tgs.py ARCHIVE_OR_FOLDER data/salt
"""

import argparse
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.common.errors import InputError, one_line
from mmattn.seismic.tiles.mosaics import pair_scores
from mmattn.seismic.tiles.prepare import prepare_tgs
from mmattn.seismic.tiles.tgs import read_folds, read_groups


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('source', help="Kaggle's archive, or a folder with train.zip or images/ and the csv files")
    parser.add_argument('target', help='folder to write, e.g. data/salt; an interrupted run is continued')
    parser.add_argument('--groups', help='id,group csv to use in place of matching the borders of tiles')
    parser.add_argument('--num-folds', type=int, default=5)
    parser.add_argument('--seed', type=int, default=0, help='seed of the split')
    parser.add_argument('--check-groups', help='id,group csv to score the groups found against')
    return parser.parse_args()


def show(survey: dict, target: str, already: bool) -> None:
    """Prints the counts and the folds."""
    print(f'{target} is {"already prepared; nothing to do" if already else "ready"}')
    for name, count in survey['counts'].items():
        print(f'  {name.replace("_", " "):26} {count:6}')
    print('  fold   tiles  groups   empty  salt coverage')
    for row in survey['folds']:
        counts = '  '.join(f'{row[name]:6}' for name in ('tiles', 'groups', 'empty_masks'))
        print(f'  {row["fold"]:4}  {counts}  {row["coverage_mean"]:13.4f}')
    amplitude = survey['amplitude']
    if amplitude:
        print(f'  amplitude (constant tiles left out): mean {amplitude["mean"]}, std {amplitude["std"]}')
    print(f'  split {survey["split_sha256"][:12]}')


def show_scores(target: str, truth: dict[str, str]) -> None:
    """Prints how well the groups in a prepared folder agree with known ones."""
    found = {tile: row.group for tile, row in read_folds(f'{target}/folds.csv').items()}
    for name, value in pair_scores(found, truth).items():
        print(f'  {name.replace("_", " "):26} {value:{".4f" if isinstance(value, float) else "6"}}')


def main() -> None:
    """Prepares, and prints what there is."""
    args = parse_args()
    check_folder('target', Path(args.target).parent)
    try:
        truth = read_groups(args.check_groups) if args.check_groups else None
        with Display() as display:
            survey, already = prepare_tgs(
                args.source,
                args.target,
                groups=args.groups,
                num_folds=args.num_folds,
                seed=args.seed,
                progress=display,
            )
        show(survey, args.target, already)
        if truth is not None:
            show_scores(args.target, truth)
    except (OSError, ValueError) as error:
        raise InputError(one_line(error)) from error


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on from here')
