"""Measures refinement over many held-out models, whose gathers are modelled on a finer grid, and the guard's choices.

python tools/analysis/refinement.py CONFIG CHECKPOINT --out OUT --synthetic 20 --noise 0 0.1
python tools/analysis/refinement.py CONFIG CHECKPOINT --out OUT --set published=models.npz:20

The geometry is that of the config's test set. A --set is an .npz with `velocity` (models, rows, columns) in m/s on a
grid that is --factor times finer. Every model is refined to the end; what the guard would have stopped is counted
afterwards. The same command goes on where it was interrupted. Needs deepwave: pip install 'mmattn[fwi]'.
"""

import argparse
import hashlib
from pathlib import Path

from mmattn.cli.command_line import ToolParser, add_cfg_options, check_folder, run_tool
from mmattn.cli.launch import load_config
from mmattn.cli.progress import Display
from mmattn.cli.saved_weights import read_model
from mmattn.common.errors import InputError, one_line
from mmattn.datasets.velocity import geometry
from mmattn.inference.velocity import Line, predict_velocity
from mmattn.studies.refinement import STARTS, HeldOut, Study, run, write_report
from mmattn.waves import RefineOptions
from mmattn.waves.propagation import get_deepwave


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    defaults = RefineOptions()
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='of a VelocityEstimator')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument('--synthetic', type=int, default=20, help='so many models of the built-in survey; 0 for none')
    parser.add_argument('--seed', type=int, default=3, help='of the built-in survey')
    parser.add_argument('--set', nargs='*', default=[], metavar='NAME=FILE:MODELS', help='models of a file')
    parser.add_argument('--factor', type=int, default=3, help='cells of the finer grid to one; odd')
    parser.add_argument('--noise', type=float, nargs='+', default=[0.0, 0.1], help="shares of the gathers' deviation")
    parser.add_argument(
        '--high-pass', type=float, nargs='*', default=[], metavar='HZ', help='also without what is below'
    )
    parser.add_argument('--start', nargs='+', choices=STARTS, default=['network', 'linear'])
    parser.add_argument('--refine', type=int, default=defaults.iterations, metavar='N', help='iterations')
    parser.add_argument('--stages', type=float, nargs='+', default=defaults.stages, help='low-pass of each stage, Hz')
    parser.add_argument('--smoothing', type=float, nargs='+', default=defaults.smoothing, help='of the gradient, cells')
    parser.add_argument('--rate', type=float, default=defaults.rate, help='step of the optimiser')
    parser.add_argument('--share', type=float, default=defaults.share, help='of the way to the refined model, to 1')
    parser.add_argument('--sampling', type=int, default=defaults.sampling, help="inner steps of the gradient's samples")
    parser.add_argument('--guard', type=float, default=defaults.guard, help='misfit above which refinement is stopped')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Measures."""
    args = parse_args()
    check_folder('--out', args.out)
    try:
        get_deepwave()
        config = load_config(args.config, args.cfg_options)
        acquisition, size = geometry(config.test_dataloader.dataset), tuple(config.model.backbone.grid)
        options = RefineOptions(
            iterations=args.refine,
            stages=tuple(args.stages),
            smoothing=tuple(args.smoothing),
            rate=args.rate,
            sampling=args.sampling,
            share=args.share,
            guard=None,
        )
        built_in = [('synthetic', None, args.synthetic)] if args.synthetic else []
        sets = [
            (HeldOut(name, acquisition, size, factor=args.factor, path=path, seed=args.seed), count)
            for name, path, count in (*built_in, *map(read_set, args.set))
        ]
        for held_out, count in sets:
            if count > len(held_out):
                raise InputError(f'--set: {held_out.group} holds {len(held_out)} models, {count} are asked for')
        model = read_model(config, args.checkpoint, 'cpu') if 'network' in args.start else None
        pipeline = config.test_dataloader.dataset.pipeline
        study = Study(
            sets,
            [*((noise, 0.0) for noise in args.noise), *((0.0, high_pass) for high_pass in args.high_pass)],
            args.start,
            options,
            lambda shots, acquisition: predict_velocity(model, pipeline, Line(shots, acquisition))[0],
            args.out,
            '' if model is None else hashlib.sha256(Path(args.checkpoint).read_bytes()).hexdigest()[:16],
        )
        with Display() as display:
            outcomes = run(study, progress=lambda done, total: display('refinements', done, total))
        print(write_report(args.out, outcomes, args.guard))
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise InputError(one_line(error)) from error


def read_set(text: str) -> tuple[str, str, int]:
    """Name, file and number of models of a --set."""
    name, _, rest = text.partition('=')
    path, _, count = rest.rpartition(':')
    if not name or not path or not count.isdigit() or int(count) < 1:
        raise InputError(f'--set must be NAME=FILE:MODELS, got {text!r}')
    return name, path, int(count)


if __name__ == '__main__':
    run_tool(main, after_interrupt='the same command goes on')
