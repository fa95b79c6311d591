"""Models shot gathers over velocity models, and writes them in a layout that networks are trained from.

python tools/make_shots.py MODELS OUT --dx 10 --shots 29 --frequency 25 --dt 0.001 --nt 2000 --decimate 5
python tools/make_shots.py OUT --synthetic 600 --size 64 96 --dx 30 --seed 0 --shots 6 --frequency 8 --dt 0.004 --nt 500

MODELS: a folder of models (.npy, .npz, .mat, .sgy), one a file, or an .npy or .npz file of several. Needs deepwave:
pip install 'mmattn[fwi]'. The same command goes on where it was interrupted.
"""

import argparse
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.cli.segy_options import add_segy_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.seismic.shots.acquisition import Acquisition
from mmattn.seismic.shots.pairs import WRITTEN


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('paths', nargs='+', metavar='MODELS OUT', help='models and folder; the folder for --synthetic')
    parser.add_argument('--synthetic', type=int, metavar='NUMBER', help='so many models of the built-in survey')
    parser.add_argument('--size', type=int, nargs=2, default=(64, 96), metavar=('H', 'W'), help='of synthetic models')
    parser.add_argument('--seed', type=int, default=0, help='of synthetic models')
    parser.add_argument('--dx', type=float, required=True, help='metres a cell')
    parser.add_argument('--shots', type=int, default=29)
    parser.add_argument('--receiver-step', type=int, default=1, help='cells from receiver to receiver')
    parser.add_argument('--depth', type=int, default=1, help='row of sources and receivers')
    parser.add_argument('--frequency', type=float, default=25.0, help='of the Ricker wavelet, Hz')
    parser.add_argument('--dt', type=float, default=0.001, help='seconds')
    parser.add_argument('--nt', type=int, default=2000, help='samples')
    parser.add_argument('--decimate', type=int, default=1, help='keep every so many-th sample')
    parser.add_argument('--free-surface', action='store_true', help='the upper edge reflects')
    parser.add_argument('--layout', choices=WRITTEN, default='npz')
    parser.add_argument('--split', default='train', help='train or test, where the layout has folders for them')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument('--memory', type=float, default=1024, help='MiB for the shots that are modelled at once')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    parser.add_argument('--dry-run', action='store_true', help='say what would be written, and end')
    add_segy_options(parser.add_argument_group('SEG-Y models'), 'velocity')
    args = parser.parse_args()
    if len(args.paths) != (2 if args.synthetic is None else 1):
        parser.error('give MODELS and OUT, or --synthetic NUMBER and OUT')
    return args


def main() -> None:
    """Models."""
    args = parse_args()
    from mmattn.waves.making import FileModels, MakeOptions, SyntheticModels, make_shots, plan

    out = Path(args.paths[-1])
    check_folder('out', out)
    try:
        if args.synthetic is None:
            models = FileModels(args.paths[0], segy=segy_options(args, 'velocity'), dx=args.dx)
        else:
            models = SyntheticModels(args.synthetic, size=tuple(args.size), dx=args.dx, seed=args.seed)
        geometry = dict(dx=args.dx, dt=args.dt, nt=args.nt, frequency=args.frequency, free_surface=args.free_surface)
        shape = models.shape
        acquisition = Acquisition.surface(
            shape[1], args.shots, depth=args.depth, receiver_step=args.receiver_step, **geometry
        )
        names = ('decimate', 'layout', 'split', 'jobs', 'memory', 'device')
        options = MakeOptions(**{name: getattr(args, name) for name in names})
        work = plan(models, acquisition, out, options)
        print(*work.lines, sep='\n', flush=True)
        if args.dry_run:
            return
        with Display() as display:
            written = make_shots(work, progress=display)
    except (ValueError, TypeError, ImportError) as error:
        raise InputError(one_line(error)) from error
    print(f'{written} written, {len(models) - written} were there: {out}')


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on')
