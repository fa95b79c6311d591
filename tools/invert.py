"""Inverts shot gathers for velocity and salt: by a network, then, with --refine, by the wave equation.

python tools/invert.py CONFIG CHECKPOINT shots.npz --out result [--refine 60] [--true model.npy]
python tools/invert.py --start linear shots.npz --acquisition acquisition.json --size 64 96 --refine 60 --out result

SHOTS: .npy, .npz, .mat or SEG-Y, with acquisition.json beside them or --acquisition. Refinement needs deepwave:
pip install 'mmattn[fwi]'.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmattn.cli.command_line import ToolParser, add_cfg_options, check_device, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.cli.segy_options import add_segy_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.files import read_salt, read_velocity

if TYPE_CHECKING:
    from mmattn.inference.velocity import Line

ROOM = 100.0  # m/s beyond the start's own extremes


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('files', nargs='+', metavar='FILE', help='CONFIG CHECKPOINT SHOTS…; with --start SHOTS… alone')
    parser.add_argument('--out', type=Path, required=True, help='folder; of several SHOTS each gets one of its own')
    parser.add_argument('--acquisition', type=Path, help='JSON of the geometry; acquisition.json near SHOTS')
    parser.add_argument('--start', help='linear, or a velocity model: refine from there, without a network')
    parser.add_argument('--size', type=int, nargs=2, metavar=('H', 'W'), help='of the model, for --start linear')
    parser.add_argument('--true', type=Path, help='true velocity model, to score with')
    parser.add_argument('--flip', action='store_true', help='average with the reversed line')
    parser.add_argument('--force', action='store_true', help='predict though the acquisition is not that of training')
    parser.add_argument('--format', type=_list(str), default=['npy', 'png'], help='of npy, segy and png; npy always')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    refining = parser.add_argument_group('refinement')
    refining.add_argument('--refine', type=int, default=0, metavar='N', help='iterations')
    refining.add_argument('--stages', type=_list(float), default=[3.0, 5.0, 8.0], help='low-pass of each stage, Hz')
    refining.add_argument('--smoothing', type=_list(float), default=[4.0, 2.0, 1.0], help='of the gradient, cells')
    refining.add_argument('--rate', type=float, default=0.05, help='step of the optimiser')
    refining.add_argument(
        '--share', type=float, help='of the way to the refined model, to 1; 0.5 from a network, else 1'
    )
    refining.add_argument(
        '--velocity-range', type=float, nargs=2, metavar=('LOW', 'HIGH'),
        help='m/s, bounds that the model cannot leave; 1400 4600, wider where the start is faster or slower',
    )  # fmt: skip
    refining.add_argument('--guard', type=float, default=0.1, help='misfit that gives the start back; 0 never does')
    refining.add_argument('--min-offset', type=float, default=2, help='cells; nearer traces are left out')
    refining.add_argument('--high-pass', type=float, metavar='HZ', help='the gathers hold nothing below')
    refining.add_argument('--memory', type=float, default=1024, help='MiB for the shots that are modelled at once')
    add_segy_options(parser.add_argument_group('SEG-Y gathers'), 'gathers', taken=True)
    add_segy_options(parser.add_argument_group('SEG-Y models (--start, --true)'), 'velocity', prefix='model-')
    add_cfg_options(parser)
    args = parser.parse_args()
    from mmattn.inference.velocity import FORMATS  # after the options, so that --help comes at once

    if unknown := set(args.format) - set(FORMATS):
        parser.error(f'--format must be among {", ".join(FORMATS)}, got {", ".join(sorted(unknown))}')
    if args.start is None and len(args.files) < 3:
        parser.error('give CONFIG, CHECKPOINT and SHOTS, or --start and SHOTS')
    if args.start is not None and args.refine < 1:
        parser.error('--start needs --refine N: without a network there is nothing else to do')
    if args.start == 'linear' and args.size is None:
        parser.error('--start linear needs --size H W')
    return args


def _list(kind: type):
    def read(text: str) -> list:
        return [kind(part) for part in text.split(',')]

    return read


def find_acquisition(args: argparse.Namespace, shots: Path) -> Acquisition:
    """Reads the geometry: --acquisition, or acquisition.json beside the gathers or one folder up."""
    if args.acquisition is not None:
        return Acquisition.load(args.acquisition)
    for folder in (shots.parent, shots.parent.parent):
        if (folder / 'acquisition.json').is_file():
            return Acquisition.load(folder / 'acquisition.json')
    raise InputError(f'no acquisition.json in {shots.parent} or above; name one with --acquisition')


def load_model(args: argparse.Namespace, path: str | Path, dx: float) -> np.ndarray:
    """Reads a velocity model of --start or --true; ``dx`` is the acquisition's."""
    return read_velocity(path, segy=segy_options(args, 'velocity', prefix='model-'), dx=dx)


def start_model(args: argparse.Namespace, dx: float) -> np.ndarray | None:
    """The model to start from, without a network."""
    from mmattn.evaluation.velocity_scores import linear_model

    if args.start is None:
        return None
    return linear_model(tuple(args.size)) if args.start == 'linear' else load_model(args, args.start, dx)


def velocity_range(args: argparse.Namespace, start: np.ndarray) -> tuple[float, float]:
    """The bounds of refinement in m/s, which hold the start."""
    from mmattn.waves import RefineOptions

    slowest, fastest = float(start.min()), float(start.max())
    low, high = args.velocity_range or RefineOptions.velocity_range
    if low <= slowest and fastest <= high:
        return low, high
    if args.velocity_range is not None:
        raise InputError(
            f'--velocity-range must hold the start, {slowest:.0f} to {fastest:.0f} m/s, got {low:g} {high:g}'
        )
    low, high = min(low, slowest - ROOM), max(high, fastest + ROOM)
    print(f'note: the start is of {slowest:.0f} to {fastest:.0f} m/s: --velocity-range is {low:.0f} {high:.0f}')
    return low, high


def refine(args: argparse.Namespace, line: 'Line', start: np.ndarray, truth: np.ndarray | None, out: Path):
    """Refines, writes the misfit table and returns the refinement."""
    from mmattn.evaluation.velocity_scores import linear_model
    from mmattn.inference import velocity as inversion
    from mmattn.waves import RefineOptions
    from mmattn.waves import refine as refine_model

    options = RefineOptions(
        iterations=args.refine,
        stages=args.stages,
        smoothing=args.smoothing,
        rate=args.rate,
        velocity_range=velocity_range(args, start),
        guard=args.guard or None,
        memory=args.memory,
        high_pass=args.high_pass,
        min_offset=args.min_offset,
        share=args.share if args.share is not None else 1.0 if args.start else 0.5,
    )
    rows = []
    with Display() as display:

        def note(step, velocity: np.ndarray) -> None:
            row = dict(iteration=step.iteration, stage=step.stage, frequency=step.frequency, misfit=step.misfit)
            if truth is not None:
                scores = inversion.score(velocity, truth)
                row |= {name: scores[name] for name in ('mae', 'ssim', 'salt_iou')}
            rows.append(row)
            display('refinement', step.iteration, args.refine)

        otherwise = None if args.start else linear_model(start.shape)
        result = refine_model(
            start, line.shots, line.as_sampled, options, otherwise=otherwise, device=args.device, progress=note
        )
    inversion.write_misfits(out / 'misfit.csv', rows)
    return result


def invert(args: argparse.Namespace, shots: Path, out: Path, model, pipeline) -> None:
    """Inverts one line."""
    from mmattn.inference import velocity as inversion

    line = inversion.read_line(shots, find_acquisition(args, shots), segy_options(args, 'gathers', taken=True))
    notes = list(line.notes)
    truth = None if args.true is None else load_model(args, args.true, line.acquisition.dx)
    salt_truth = None if args.true is None else read_salt(args.true)
    if model is None:
        before, probability = start_model(args, line.acquisition.dx), None
    else:
        notes += inversion.check_acquisition(model, line.acquisition, force=args.force)
        notes += inversion.compare_amplitude(model, line)
        before, probability = inversion.predict_velocity(model, pipeline, line)
    line.acquisition.check_model(before.shape)
    if truth is not None and truth.shape != before.shape:
        raise InputError(f'--true: the model is {truth.shape}, the prediction {before.shape}')
    velocity, refined = before, None
    if args.refine:
        refined = refine(args, line, before, truth, out)
        notes += refined.notes
        velocity = refined.velocity if refined.kept else before
    found = probability > 0.5 if probability is not None and model.decode_head.salt_branch else None
    salt = velocity >= inversion.SALT_VELOCITY if found is None else found
    if found is not None and velocity is not before:
        notes.append("salt is where the network's output for it says; refinement changed the velocity alone")
    paths = inversion.write_result(out, velocity, salt, line.acquisition.dx, args.format)
    if 'png' in args.format:
        paths.append(draw(args, line, before, velocity, truth, out, modelled=refined is not None, refined=refined))
    for note in notes:
        print(f'note: {note}')
    print(f'{shots}: {inversion.describe_salt(salt, line.acquisition.dx)}')
    if truth is not None:
        for name, guess in dict(before=before, after=velocity).items():
            scores = inversion.score(guess, truth, salt_truth, found)
            print(f'{name}: MAE {scores["mae"]:.1f} m/s, SSIM {scores["ssim"]:.3f}, salt IoU {scores["salt_iou"]:.3f}')
    print('written:', *paths)


def draw(args, line, before, velocity, truth, out: Path, *, modelled: bool, refined) -> Path:
    """Draws truth, before, after and the middle gather; after refinement its residual too."""
    from mmattn.seismic.shots.pictures import VelocityPanel, save_velocity_picture

    middle = len(line.shots) // 2
    gather, residual = line.shots[middle], None
    if modelled:
        from mmattn.waves import model_shots

        values = line.as_sampled.as_dict()
        one = Acquisition.from_dict(dict(values, sources=values['sources'][middle : middle + 1]))
        gather = gather / refined.factor
        residual = model_shots(velocity, one, memory=args.memory, device=args.device, warn=False)[0] - gather
    options = dict(truth=truth, before=before if modelled else None, gather=gather, residual=residual)
    panel = VelocityPanel('line', velocity, line.acquisition.dx, dt=line.as_sampled.dt, **options)
    save_velocity_picture([panel], out / 'velocity.png')
    return out / 'velocity.png'


def main() -> None:
    """Inverts."""
    args = parse_args()
    from mmattn.cli.launch import load_config
    from mmattn.cli.saved_weights import read_model

    check_folder('--out', args.out)
    check_device(args.device)
    try:
        if args.refine:
            from mmattn.waves.propagation import get_deepwave

            get_deepwave()
        model = pipeline = None
        shots = [Path(path) for path in (args.files if args.start else args.files[2:])]
        if args.start is None:
            config = load_config(args.files[0], args.cfg_options)
            if config.model.type != 'VelocityEstimator':
                raise InputError(f'config {args.files[0]!r} is of a {config.model.type}, not of a VelocityEstimator')
            if args.flip:
                config.model.test_cfg = dict(flip=True)
            model = read_model(config, args.files[1], args.device)
            pipeline = config.test_dataloader.dataset.pipeline
        for path in shots:
            out = args.out if len(shots) == 1 else args.out / path.stem
            check_folder('--out', out)
            invert(args, path, out, model, pipeline)
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise InputError(one_line(error)) from error


if __name__ == '__main__':
    run_tool(main)
