"""Trains on a few labelled lines of a survey for some minutes, predicts all of it, and says which lines to label next.

python tools/view.py survey.sgy --label label.zarr               # paint salt and not salt on two lines or more
python tools/few_lines.py survey.sgy --labels label.zarr --minutes 5 --view
python tools/few_lines.py survey.sgy --labels label.zarr --start survey_salt/network     # go on from the last round

Writes into the folder --out (survey_salt beside the survey): the probability of salt and its spread over inlines and
crosslines (salt.sgy and std.sgy; .npy where the survey is an array), the network, which mmattn.load reads, and
lines.csv, the lines that it is least sure of. What an earlier round wrote there is replaced once a round ends. Ctrl-C
in the training ends it, keeps what is trained and predicts.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmattn.cli.command_line import ToolParser, add_cfg_options, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.cli.segy_options import add_segy_options, format_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import write_whole
from mmattn.common.resources import resources
from mmattn.seismic import Volume, open_volume
from mmattn.seismic.opening import is_array

if TYPE_CHECKING:
    from mmattn.inference.doubtful_lines import DoubtfulLine
    from mmattn.studies.few_lines import Training

_NAMES = dict(iline='inline', xline='crossline')


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('survey', help='amplitudes: SEG-Y, .npy, Zarr or MDIO')
    parser.add_argument('--labels', required=True, help='1 salt, 0 not salt, 255 unknown, on the same grid')
    parser.add_argument('--minutes', type=float, default=5, help='of training')
    parser.add_argument('--out', type=Path, help='folder; SURVEY_salt beside the survey by default')
    parser.add_argument(
        '--start', help='from: a saved folder, a work directory, a name, or random; salt-synthetic by default'
    )
    parser.add_argument('--config', help='of the network, by path or name; alone it starts from random weights')
    parser.add_argument('--checkpoint', help='of that config')
    add_cfg_options(parser)
    parser.add_argument('--suggest', type=int, default=5, metavar='LINES', help='to label next')
    parser.add_argument('--batch-size', type=int, default=4, help='windows an iteration')
    parser.add_argument('--lr', type=float, help='of AdamW at its highest; 3e-3 from random weights, else 2e-4')
    parser.add_argument(
        '--keep', type=float, help='share of the starting weights in the mean; 0 from random ones, else 0.5'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the training')
    parser.add_argument('--clip', type=float, help='amplitude of black and white; estimated by default')
    parser.add_argument('--view', action='store_true', help='open the result in the viewer (mmattn view)')
    add_segy_options(parser.add_argument_group('how SEG-Y is read'))
    args = parser.parse_args()
    for name, least in (('suggest', 1), ('batch_size', 1), ('seed', 0)):
        if getattr(args, name) < least:
            parser.error(f'--{name.replace("_", "-")} must be at least {least}, got {getattr(args, name)}')
    if args.keep is not None and not 0 <= args.keep < 1:
        parser.error(f'--keep must be at least 0 and below 1, got {args.keep:g}')
    for name in ('minutes', 'lr', 'clip'):
        value = getattr(args, name)
        if value is not None and not 0 < value < float('inf'):
            parser.error(f'--{name} must be above 0, got {value:g}')
    return args


def in_words(volume: Volume, found: dict[str, np.ndarray]) -> str:
    """The labelled lines by their numbers."""
    words = []
    for direction, positions in found.items():
        numbers = (volume.ilines if direction == 'iline' else volume.xlines)[positions]
        shown = ', '.join(map(str, numbers[:12])) + (f', … ({len(numbers)})' if len(numbers) > 12 else '')
        words += [f'{_NAMES[direction]}s {shown}'] if len(numbers) else []
    return f'{volume.name}: {" x ".join(map(str, volume.shape))}; labelled {" and ".join(words)}'


def tell_training(training: 'Training') -> str:
    """What was trained, in words."""
    few = max(1, training.iterations // 10)
    losses = f'loss {np.mean(training.losses[:few]):.3f} to {np.mean(training.losses[-few:]):.3f}'
    ended = 'ended by Ctrl-C' if training.interrupted else 'trained'
    return f'{ended}: {training.iterations} iterations in {training.seconds / 60:.1f} min, {losses}'


def table(volume: Volume, suggested: 'Sequence[DoubtfulLine]') -> str:
    """The suggested lines as comma-separated values."""
    rows = ['direction,line,entropy_bits,spread,lines_to_the_nearest']
    for one in suggested:
        number = (volume.ilines if one.direction == 'iline' else volume.xlines)[one.position]
        rows.append(f'{_NAMES[one.direction]},{number},{one.entropy:.4f},{one.spread:.4f},{one.distance}')
    return '\n'.join(rows) + '\n'


def view(args: argparse.Namespace, files: dict[str, Path], options: dict) -> None:
    """Becomes the viewer of the result."""
    tool = resources() / 'tools' / 'view.py'
    words = [args.survey, str(files['salt']), '--label', args.labels, *format_options(options)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(tool), *words])


def main() -> None:
    """Trains, predicts and suggests."""
    args = parse_args()
    options = {} if is_array(args.survey) else segy_options(args)
    try:
        volume = open_volume(args.survey, **options)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(one_line(error)) from error
    out = args.out or Path(args.survey).with_name(f'{Path(args.survey).stem}_salt')

    from mmattn.inference import Outputs, SaltPredictor
    from mmattn.studies.few_lines import Lines, find_lines, predict_lines, train_on_lines
    from mmattn.studies.starts import choose_start

    lines = Lines(args.survey, args.labels, options, args.clip)
    ending = '.npy' if is_array(args.survey) else '.sgy'
    files = {name: out / f'{name}{ending}' for name in ('salt', 'std')}
    with volume, Display() as display:
        try:
            found = find_lines(lines)
            check_folder('--out', out)
            print(in_words(volume, found), flush=True)
            start = choose_start(args.start, args.config, args.checkpoint, args.cfg_options)
            print(f'start: {start.words}', flush=True)
            rate = start.learning_rate if args.lr is None else args.lr
            keep = start.keep if args.keep is None else args.keep
            given = dict(batch_size=args.batch_size, learning_rate=rate, head=start.head, keep=keep, seed=args.seed)
            training = train_on_lines(
                start.segmentor,
                lines,
                found,
                minutes=args.minutes,
                work_dir=out / 'log',
                progress=display,
                **given,
            )
            print(tell_training(training), flush=True)
            if not training.iterations:
                raise InputError('nothing was trained')
            SaltPredictor(start.segmentor).save(out / 'network', about=f'Trained on {in_words(volume, found)}.')
            new = {name: path.with_name(f'new_{path.name}') for name, path in files.items()}
            for path in new.values():  # of a round that did not end
                path.unlink(missing_ok=True)
            outputs = Outputs(new['salt'], std=new['std'])
            result, suggested = predict_lines(
                start.segmentor, lines, outputs, found, count=args.suggest, progress=display
            )
        except (ValueError, TypeError, OSError) as error:
            raise InputError(one_line(error)) from error
        for name, path in files.items():
            os.replace(new[name], path)
        text = table(volume, suggested)
        write_whole(out / 'lines.csv', text)
    for warning in result.warnings:
        print(f'warning: {warning}')
    print(f'salt: {files["salt"]}\nspread: {files["std"]}\nnetwork: {out / "network"}')
    print('least sure of, label these next (lines.csv):')
    for row in text.splitlines():
        print('  ' + '  '.join(f'{cell:>12}' for cell in row.split(',')))
    if args.view:
        view(args, files, options)


if __name__ == '__main__':
    run_tool(main)
