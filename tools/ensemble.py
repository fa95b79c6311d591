"""Averages several models.

python tools/ensemble.py --member CONFIG CHECKPOINT --member CONFIG CHECKPOINT … --out DIR [--tta] [--weights fit]
    [--split test]

On labelled tiles it scores each member and their averages. ``--weights fit`` finds the weights on the tiles tested on,
and scores them by fits on the other half of the mosaics. ``--split test`` writes masks and a submission for others.
"""

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmattn.cli.command_line import ToolParser, add_backend, add_cfg_options, check_device, check_folder, run_tool
from mmattn.common.checks import check_whole
from mmattn.common.errors import InputError
from mmattn.common.files import write_whole
from mmattn.seismic.tiles.rle import encode_rle

if TYPE_CHECKING:
    from mmattn.studies.ensemble.predictions import Member, Predictions

COLUMNS = 'mean_precision', 'salt_iou', 'salt_dice', 'boundary_f1'


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--member', nargs=2, action='append', required=True, metavar=('CONFIG', 'CHECKPOINT'))
    parser.add_argument('--out', type=Path, required=True, help='folder for predictions, masks and the table')
    parser.add_argument('--weights', nargs='+', default=['equal'], help='equal, fit, or a number for each member')
    parser.add_argument('--split', help='of the tiles to write masks for, such as test; default: those scored')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation of each member')
    masks = parser.add_argument_group('masks', 'each as the experiments of the members test with, by default')
    masks.add_argument('--threshold', type=float, help='salt above this probability')
    masks.add_argument('--min-body', type=int, help='pixels of the smallest body to keep')
    masks.add_argument('--hysteresis', type=float, help='probability that a body must exceed somewhere to be kept')
    add_backend(parser)
    parser.add_argument('--device', help='cpu, cuda or cuda:N; a GPU if there is one by default')
    add_cfg_options(parser, of='every config')
    args = parser.parse_args()
    try:
        check_whole('min_body', args.min_body or 0)
    except ValueError as error:
        parser.error(str(error))
    return args


def choose_weights(choice: list[str], predictions: 'list[Predictions]') -> np.ndarray:
    """Returns a weight for each member."""
    from mmattn.studies.ensemble.predictions import fit
    from mmattn.studies.ensemble.weights import check_weights

    if choice == ['equal']:
        return check_weights([1.0] * len(predictions), len(predictions))
    if choice == ['fit']:
        if not predictions[0].is_labelled:
            raise InputError('--weights fit needs labelled tiles')
        return fit(predictions)
    try:
        return check_weights([float(number) for number in choice], len(predictions))
    except ValueError as error:
        raise InputError(f'--weights takes equal, fit or numbers: {error}') from None


def score_table(
    members: 'list[Member]',
    predictions: 'list[Predictions]',
    weights: np.ndarray,
    args: argparse.Namespace,
    rules: dict,
) -> str:
    """Makes the table of the members and their averages, as Markdown."""
    from mmattn.studies.ensemble.masks import member_names
    from mmattn.studies.ensemble.predictions import combine, cross_fitted

    def line(name: str, weight: str, own: 'Predictions') -> str:
        scores = own.scores(**rules)
        return f'| {name} | {weight} | ' + ' | '.join(f'{scores[column]:.4f}' for column in COLUMNS) + ' |'

    equal = np.full(len(members), 1 / len(members))
    lines = [f'| model | weight | {" | ".join(COLUMNS)} |', '|---' * (2 + len(COLUMNS)) + '|']
    lines += [line(name, f'{w:.3f}', own) for name, own, w in zip(member_names(members), predictions, weights)]
    lines.append(line('plain average', '', combine(predictions, equal)))
    if not np.allclose(weights, equal):
        lines.append(line('weighted average', '', combine(predictions, weights)))
    if args.weights == ['fit'] and all(predictions[0].halves()):
        lines.append(line('weights fitted on the other half', '', cross_fitted(predictions)))
    note = f'{len(predictions[0].names)} tiles, threshold {rules["threshold"]:g}, '
    note += f'smallest body {rules["min_body"]} pixels, '
    if rules['hysteresis'] is not None:
        note += f'each above {rules["hysteresis"]:g} somewhere, '
    return '\n'.join([*lines, '', note + f'test-time augmentation {"on" if args.tta else "off"}.']) + '\n'


def write_masks(predictions: 'Predictions', args: argparse.Namespace, rules: dict) -> None:
    """Writes the masks as PNG (0 and 255) and all of them as a submission."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['id', 'rle_mask'])
    folder = args.out / 'masks'
    folder.mkdir(parents=True, exist_ok=True)
    masks = predictions.masks(**rules)
    for name, mask in zip(predictions.names, masks):
        Image.fromarray(255 * mask).save(folder / f'{name}.png')
        table.writerow([name, encode_rle(mask)])
    write_whole(args.out / 'submission.csv', text.getvalue())
    print(f'written: {folder} and {args.out / "submission.csv"}, {len(predictions.names)} tiles')


def main() -> None:
    """Averages."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.inference.backends import check_backend
    from mmattn.studies.ensemble.masks import mask_rules
    from mmattn.studies.ensemble.predictions import Member, combine, predict_once

    args.device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    members = [Member(*pair) for pair in args.member]
    try:
        check_backend(args.backend, check_device(args.device))
    except ValueError as error:
        raise InputError(str(error)) from None
    asked = {name: getattr(args, name) for name in ('threshold', 'hysteresis', 'min_body')}
    rules = mask_rules(members, asked, args.cfg_options)
    check_folder('--out', args.out)
    settings = dict(tta=args.tta, options=args.cfg_options, device=args.device)
    if args.backend != 'torch':
        settings['backend'] = args.backend
    try:
        predictions = [predict_once(member, args.out / 'cache', split=None, **settings) for member in members]
        weights = choose_weights(args.weights, predictions)
        combined = combine(predictions, weights)
        if combined.is_labelled:
            table = score_table(members, predictions, weights, args, rules)
            write_whole(args.out / 'results.md', table)
            print(table)
        if args.split is not None:
            others = [predict_once(member, args.out / 'cache', split=args.split, **settings) for member in members]
            combined = combine(others, weights)
        write_masks(combined, args, rules)
    except ValueError as error:
        raise InputError(str(error)) from None


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command keeps what was predicted')
