"""Scores a salt network on sections as another survey would have them: a robustness card, as table and picture.

python tools/robustness.py CONFIG CHECKPOINT [--data data/salt --fold 0] [--out card]
python tools/robustness.py salt-synthetic                      # a network that comes with mmattn, or a saved folder

Salt IoU, intersection and union summed over all sections, under gain of 0.1 to 10, frequencies 30 % lower and higher,
noise down to 0 dB, reversed polarity and other phases, dead traces and wrong clips. Without --data it is that of 400
sections of the synthetic survey that no config trains on. --out writes card.csv and card.png.
"""

import argparse
import csv
import io

import numpy as np

from mmattn.cli.command_line import ToolParser, check_device, check_file, run_tool
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import write_whole

SEED = 1000  # of the synthetic survey


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('network', nargs='+', metavar='NETWORK', help='CONFIG CHECKPOINT, or one name or folder')
    parser.add_argument('--data', help='a folder that tools/prepare_tgs.py wrote, instead of the synthetic survey')
    parser.add_argument('--fold', type=int, nargs='+', help='of --data; all by default')
    parser.add_argument('--sections', type=int, help='how many at most (400 synthetic ones, all real ones)')
    parser.add_argument('--seed', type=int, default=0, help='of the noise, the dead traces and the choice of sections')
    parser.add_argument('--flip', action='store_true', help='predict flipped traces too')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    parser.add_argument('--out', help='writes OUT.csv and OUT.png')
    args = parser.parse_args()
    if len(args.network) > 2:
        parser.error(f'give CONFIG CHECKPOINT or one name, got {len(args.network)} names')
    if args.sections is not None and args.sections < 1:
        parser.error(f'--sections must be at least 1, got {args.sections}')
    if args.fold and not args.data:
        parser.error('--fold is of --data')
    return args


def read_sections(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Images and masks, (N, H, W)."""
    if args.data:
        from mmattn.seismic.tiles.sample import read_sample

        sample = read_sample(args.data, args.fold, count=args.sections, seed=args.seed)
        return sample.images, sample.masks
    from mmattn.seismic.synthetic import SyntheticSurvey

    survey = SyntheticSurvey(seed=SEED)
    sections = [survey.section(index) for index in range(args.sections or 400)]
    return np.stack([section.image for section in sections]), np.stack([section.mask for section in sections])


def main() -> None:
    """Prints the card and writes it."""
    args = parse_args()
    check_device(args.device)
    for suffix in ('.csv', '.png') if args.out else ():
        check_file('--out', args.out + suffix)
    from mmattn.cli.launch import check_readable  # after the options, so that --help comes at once
    from mmattn.inference import load
    from mmattn.inference.robustness import robustness, save_card

    check_readable(args.network)
    try:
        images, masks = read_sections(args)
        model = load(*args.network, device=args.device, flip=args.flip, batch_size=32)
        rows = robustness(model, images, masks, seed=args.seed)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(one_line(error)) from error
    print(f'{len(images)} sections, {masks.mean():.1%} salt')
    print(f'{"":28s}{"salt IoU":>10s}{"lost":>10s}{"mean precision":>16s}')
    for row in rows:
        print(f'{row["change"]:28s}{row["iou"]:10.3f}{row["lost"]:10.3f}{row["mean_precision"]:16.3f}')
    if args.out:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(row | {key: f'{row[key]:.4f}' for key in ('iou', 'lost', 'mean_precision')} for row in rows)
        write_whole(args.out + '.csv', text.getvalue())
        print(f'{args.out}.csv, {save_card(args.out + ".png", rows)}')


if __name__ == '__main__':
    run_tool(main)
