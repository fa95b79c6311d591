"""Predicts salt over a SEG-Y volume and writes it as SEG-Y with the same headers.

python tools/predict_segy.py CONFIG CHECKPOINT in.sgy salt.sgy [--mask mask.sgy] [--std std.sgy] [--resume]
python tools/predict_segy.py salt-synthetic in.sgy salt.sgy    # a network that comes with mmattn, or a saved folder
bash tools/dist_predict_segy.sh CONFIG CHECKPOINT in.sgy salt.sgy GPUS [the same options]
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, add_backend, add_cfg_options, check_device, run_tool
from mmattn.cli.progress import Display
from mmattn.cli.segy_options import add_segy_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.seismic import Volume, open_volume
from mmattn.seismic.opening import OWN_OPTIONS, is_array
from mmattn.seismic.overview import odd_clip, survey_overview
from mmattn.seismic.volumes.labels import LabelValues, check_label, check_same_grid

if TYPE_CHECKING:
    from torch import nn

    from mmattn.inference import Outputs, VolumeOptions, VolumePrediction
    from mmattn.inference.estimate import Work


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'network',
        nargs='+',
        metavar='NETWORK',
        help='CONFIG CHECKPOINT, files or the name of a config; or one name: a network that comes with mmattn, as '
        'salt-synthetic, a saved folder or a work directory',
    )
    parser.add_argument('input', help='a SEG-Y file; .npy and .zarr arrays go too, if the outputs are arrays')
    parser.add_argument('output', help='probability of salt: .sgy, .segy, .npy, .zarr or .mdio')
    _add_outputs(parser.add_argument_group('further outputs'))
    _add_options(parser.add_argument_group('how to predict'))
    add_segy_options(parser.add_argument_group('how to read the input (tools/segy_info.py suggests)'))
    _add_label(parser.add_argument_group('a label to compare with'))
    parser.add_argument('--resume', action='store_true', help='go on with an unfinished prediction, if there is one')
    parser.add_argument('--plan', action='store_true', help='say what it takes, from a short probe, and end')
    parser.add_argument('--yes', action='store_true', help='predict a survey that looks wrong all the same')
    parser.add_argument('--threads', type=int, help='CPU threads of a process; the last digits depend on it')
    parser.add_argument('--device', help='cpu, cuda or cuda:N; a GPU if there is one by default')
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch'], default='none', help=argparse.SUPPRESS)
    args = parser.parse_intermixed_args()
    if len(args.network) > 2:
        parser.error(f'give CONFIG CHECKPOINT INPUT OUTPUT or NAME INPUT OUTPUT, got {len(args.network) + 2} names')
    if len(args.network) == 1 and args.cfg_options:
        parser.error('--cfg-options goes with CONFIG CHECKPOINT: a saved network has no options')
    return args


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--mask', help='file for the mask')
    group.add_argument('--std', help='file for the standard deviation over directions and flips')
    group.add_argument('--zarr', help='.zarr or .mdio, folder or address (s3://…), for probability and spread')
    group.add_argument('--report', help='folder for tables, pictures and a page to send, report.html')
    group.add_argument('--threshold', type=float, default=0.5, help='probability above which the mask is salt')
    group.add_argument('--min-body', type=int, default=0, metavar='VOXELS', help='smaller bodies leave the mask')
    group.add_argument(
        '--hysteresis', type=float, metavar='P', help='bodies that are nowhere more probable than this leave it too'
    )
    group.add_argument('--fill-holes', action='store_true', help='cavities inside salt become salt in the mask')


def _add_label(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--label', help='salt labels on the same grid, checked before the work and scored after it')
    group.add_argument(
        '--salt-value', type=_salt_value, nargs='+', help="which values of the label are salt, or '>0.5'"
    )
    group.add_argument('--ignore-value', type=float, nargs='*', help='which values of the label are neither')


def _salt_value(text: str) -> float | str:
    return text if text.startswith('>') else float(text)


def _add_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--direction', nargs='+', action='extend', choices=['iline', 'xline'], help='both, where the volume has both'
    )
    group.add_argument('--window', type=int, nargs=2, metavar=('H', 'W'), help="samples and traces; the model's own")
    group.add_argument('--overlap', type=float, help='share of a window, 0 to 0.9 (0.25)')
    group.add_argument('--stride', type=int, nargs=2, metavar=('H', 'W'), help='instead of --overlap')
    group.add_argument('--batch-size', type=int, default=16, help='windows a call of the network')
    group.add_argument('--flip', action='store_true', help='predict flipped traces too')
    group.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    add_backend(group)
    group.add_argument('--clip', type=_clip, help='amplitude of black and white: checkpoint, survey or a number')
    group.add_argument('--memory', type=float, default=512, help='MiB for what grows with the lines of the survey')


def _clip(text: str) -> float | str:
    if text in ('checkpoint', 'survey'):
        return text
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'must be checkpoint, survey or a number, got {text!r}') from error


def score_output(
    volume: Volume, args: argparse.Namespace, path: Path, labelled: tuple[Volume, LabelValues] | None
) -> str | None:
    """The score of the written probability against the label, in words."""
    if labelled is None:
        return None
    from mmattn.inference.score import score_volume

    kept = ('iline', 'xline', 'endian', 'geometry', 'duplicates')  # the copy's samples are floats of its own
    options = {} if is_array(path) else {name: getattr(args, name) for name in kept}
    with open_volume(path, **options) as probability:
        found = score_volume(probability, *labelled, live=volume.live, threshold=args.threshold)
    return f'salt IoU against {labelled[0].name}: {found.iou:.4f} over {found.cells} cells above {args.threshold:g}'


def summarise(result: 'VolumePrediction') -> None:
    """Prints what was done."""
    if result.backend != 'torch':
        print(f'computed by {result.backend}, which agrees with PyTorch')
    print(f'clip {result.clip:.6g}, {result.clip_source}; sections: {" and ".join(result.directions)}')
    if result.already_complete:
        print('already complete: an earlier run had written everything')
    elif result.resumed_blocks:
        print(f'resumed: {result.resumed_blocks} of {result.num_blocks} blocks were there')
    for name, path in result.files.items():
        print(f'{name}: {path}')
        for change in result.changes.get(name, []):
            print(f'  changed: {change}')
    if result.num_bad_samples:
        print(f'NaN or infinite: {result.num_bad_samples} samples of the input, taken as 0')
    if result.num_null_samples:
        print(f'null values: {result.num_null_samples} samples of the input, whose probability is 0')
    for value, count in result.constant_traces.items():
        print(f'dead: {count} traces of the input hold {value:g} throughout, their probability is 0')
    for name, count in result.cleaned.items():
        if count:
            print(f'clean-up, {name.replace("_", " ")}: {count}')
    for text in result.warnings:
        print(f'warning: {text}')
    print('seconds: ' + ', '.join(f'{stage} {seconds:.1f}' for stage, seconds in result.seconds.items()))


def open_label(args: argparse.Namespace, volume: Volume) -> tuple[Volume, LabelValues] | None:
    """Opens the label, if there is one, and checks that it belongs to the amplitudes."""
    if args.label is None:
        if args.salt_value is not None or args.ignore_value is not None:
            raise InputError('--salt-value and --ignore-value are of a label: give --label')
        return None
    salt = args.salt_value
    values = LabelValues(salt[0] if salt is not None and len(salt) == 1 else salt, args.ignore_value)
    given = {} if is_array(args.label) else segy_options(args)
    options = {name: value for name, value in given.items() if name not in OWN_OPTIONS}
    label = open_volume(args.label, **options)
    check_same_grid(volume, label)
    check_label(values, volume, label)
    return label, values


def look_at(volume: Volume, display: Display, *, yes: bool) -> tuple[float, ...]:
    """Prints what the survey is; reads all of it in search of fill values.

    Returns:
        Values that look like a filling, to be taken as null values.

    Raises:
        InputError: if it looks wrong and nobody said ``--yes``.
    """
    overview = survey_overview(volume, whole=True, progress=partial(display, 'read'))
    print(overview, flush=True)
    refuse(volume, overview.doubts, yes=yes)
    return overview.fill_values


def look_at_clip(model: 'nn.Module', volume: Volume, clip: float | str | None, *, yes: bool) -> None:
    """Raises InputError if the clip that is to be used is far from the amplitudes, unless ``--yes`` is said."""
    from mmattn.inference.clip import choose_clip

    value, source = choose_clip(model, volume, clip)
    refuse(volume, odd_clip(volume, value, source), yes=yes)


def counted(model: 'nn.Module', volume: Volume, outputs: 'Outputs', options: 'VolumeOptions') -> 'Work':
    """What is to be done, without a probe."""
    from mmattn.inference.clip import choose_clip
    from mmattn.inference.estimate import count_work
    from mmattn.inference.plan import chunks_of, make_plan

    clip, _ = choose_clip(model, volume, options.clip)
    plan = make_plan(
        model, volume.shape, options, clip=clip, keep_spread=outputs.needs_spread, chunks=chunks_of(volume)
    )
    return count_work(volume, plan, outputs, options)


def refuse(volume: Volume, doubts: Sequence[str], *, yes: bool) -> None:
    """Raises InputError if there are doubts and nobody said ``--yes``."""
    if doubts and not yes:
        raise InputError(f'{volume.name} looks wrong, --yes predicts it all the same: {"; ".join(doubts)}')


def main() -> None:
    """Predicts."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.cli.launch import load_config
    from mmattn.cli.saved_weights import read_model
    from mmattn.engine.processes import was_restarted
    from mmattn.inference import Outputs, VolumeOptions, load, predict_volume
    from mmattn.inference.estimate import estimate_work
    from mmattn.inference.ranks import on_first, rank_and_size, start_ranks

    if args.launcher == 'pytorch':
        start_ranks()
    device = args.device or (f'cuda:{os.environ.get("LOCAL_RANK", 0)}' if torch.cuda.is_available() else 'cpu')
    check_device(device)
    if args.threads is not None:
        if args.threads < 1:
            raise InputError(f'--threads must be at least 1, got {args.threads}')
        torch.set_num_threads(args.threads)
    if len(args.network) == 2:
        config = load_config(args.network[0], args.cfg_options)
    try:
        outputs = Outputs(
            args.output,
            **{name: getattr(args, name) for name in ('mask', 'std', 'zarr', 'report')},
            **{name: getattr(args, name) for name in ('threshold', 'min_body', 'hysteresis', 'fill_holes')},
        )
        names = ('window', 'overlap', 'stride', 'batch_size', 'flip', 'amp', 'backend', 'clip', 'memory')
        directions = None if args.direction is None else tuple(args.direction)
        options = VolumeOptions(directions, **{name: getattr(args, name) for name in names})
        first = rank_and_size()[0] == 0
        opened = on_first(lambda: open_volume(args.input, **segy_options(args)))  # one process reads the headers
        with opened as volume, Display(active=first) as display:
            labelled = on_first(lambda: open_label(args, volume))
            fill_values = on_first(lambda: look_at(volume, display, yes=args.yes))
            if fill_values:
                volume.null_value = (*(volume.null_value or ()), *fill_values)
            if len(args.network) == 2:
                model = read_model(config, args.network[1], device)
            else:
                saved = load(args.network[0], device=device)
                model = saved.segmentor
                options = replace(options, window=options.window or (None if options.stride else saved.window))
            on_first(lambda: look_at_clip(model, volume, args.clip, yes=args.yes))
            if args.plan:
                print(on_first(lambda: estimate_work(model, volume, outputs, options)))
                return
            on_first(lambda: print(counted(model, volume, outputs, options), flush=True))
            resume = args.resume or was_restarted()
            about = dict(config=args.network[0], checkpoint=args.network[-1])
            given = dict(options=options, resume=resume, progress=display, about=about)
            result = predict_volume(model, volume, outputs, **given)
            scores = on_first(lambda: score_output(volume, args, result.files['probability'], labelled))
    except (ValueError, TypeError, OSError) as error:
        raise InputError(one_line(error)) from error
    if first:
        summarise(result)
        if scores is not None:
            print(scores)


if __name__ == '__main__':
    run_tool(main, after_interrupt='--resume goes on')
