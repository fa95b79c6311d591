"""Fits the temperature that makes a salt network's probabilities honest, and saves it with the network.

python tools/calibrate.py CONFIG CHECKPOINT calibrated.pth --data data/salt --fold 1 2 3 4 --report 0
python tools/calibrate.py saved_network calibrated_network --data data/salt --fold 1 2 3 4 --report 0

--fold names tiles that the network was not trained on. Their expected calibration error is that of halves fitted on
each other, mosaics kept together; the temperature that is saved is fitted on all of them. Everything of mmattn that
gives probabilities uses it: mmattn.load, the prediction of volumes, ONNX. Masks at a threshold of one half stay.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.special import expit

from mmattn.cli.command_line import ToolParser, check_device, check_file, run_tool
from mmattn.common.errors import InputError, one_line


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('network', nargs='+', metavar='NETWORK', help='CONFIG CHECKPOINT, or one name or folder')
    parser.add_argument('output', help='checkpoint to write, or folder where NETWORK is one')
    parser.add_argument('--data', required=True, help='a folder that tools/prepare_tgs.py wrote')
    parser.add_argument('--fold', type=int, nargs='+', required=True, help='folds that the temperature is fitted on')
    parser.add_argument('--report', type=int, nargs='+', help='folds that it is measured on besides')
    parser.add_argument('--flip', action='store_true', help='average with the flipped traces, as will be predicted')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    args = parser.parse_intermixed_args()
    if len(args.network) > 2:
        parser.error(f'give CONFIG CHECKPOINT OUTPUT or NAME OUTPUT, got {len(args.network) + 1} names')
    if args.report and {*args.report} & {*args.fold}:
        parser.error('--report has folds of --fold')
    return args


def main() -> None:
    """Fits, reports and saves."""
    args = parse_args()
    check_device(args.device)
    if Path(args.output).exists():
        raise InputError(f'{args.output!r} is there already: name another')
    check_file('output', args.output)
    from mmattn.cli.launch import check_readable  # after the options, so that --help comes at once
    from mmattn.inference import load
    from mmattn.inference.calibration import cross_fitted_probability, fit_temperature
    from mmattn.inference.temperature import salt_logits, save_temperature, with_temperature
    from mmattn.seismic.tiles.sample import read_sample

    check_readable(args.network)
    try:
        model = load(*args.network, device=args.device, flip=args.flip, batch_size=32)
        sample = read_sample(args.data, args.fold)
        logits, truth = salt_logits(model, sample.images), sample.masks > 0
        temperature = fit_temperature(logits, truth)
        crossed = cross_fitted_probability(logits, truth, sample.groups)
        print(f'temperature {temperature:.3f}, fitted on {len(truth)} tiles of folds {args.fold}')
        print(f'{"expected calibration error":44s}{"before":>8s}{"after":>8s}')
        report(f'folds {args.fold}, halves fitted on each other', expit(logits), crossed, truth)
        if args.report:
            sample = read_sample(args.data, args.report)
            logits, truth = salt_logits(model, sample.images), sample.masks > 0
            after = expit(logits / temperature)
            report(f'folds {args.report}, {len(truth)} tiles', expit(logits), after, truth)
        if len(args.network) == 2:
            save_temperature(args.network[1], args.output, temperature)
        else:
            with_temperature(model, temperature).save(args.output)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(one_line(error)) from error
    print(f'written: {args.output}')


def report(name: str, before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> None:
    """Prints the calibration error of two sets of probabilities."""
    from mmattn.inference.calibration import calibration_error

    print(f'{name:44s}{calibration_error(before, truth):8.4f}{calibration_error(after, truth):8.4f}')


if __name__ == '__main__':
    run_tool(main)
