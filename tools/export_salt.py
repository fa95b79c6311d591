"""Writes predicted salt for interpretation systems: top and base, bodies, polygons, tables.

python tools/export_salt.py salt.sgy --out salt_export
python tools/export_salt.py salt.sgy --out salt_export --std std.sgy --min-body 500
python tools/export_salt.py salt.npy --out salt_export --survey survey.sgy --std std.npy --label label.npy

Top and base are the first and last crossing of the threshold on each trace: horizons.csv (with intervals where there
is a standard deviation), XYZ, inline/crossline/Z columns, ZMAP+, Irap classic and GeoTIFF; overhangs.csv lists all
crossings of traces that enter salt more than once. Bodies are closed meshes (OBJ, PLY, VTK, GOCAD TSurf) and a table,
outlines on sections polygons. X and Y are the affine map that the trace headers follow. --label makes the intervals
hold --coverage of the labelled tops and bases by a margin on both sides; what they hold is told of lines that did not
decide it.
"""

import argparse

import numpy as np

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.cli.segy_options import add_segy_options, segy_options
from mmattn.common.errors import InputError, one_line
from mmattn.seismic import Volume, open_volume
from mmattn.seismic.export.horizons import NORMAL_90
from mmattn.seismic.opening import OWN_OPTIONS, is_array


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('salt', help='probability of salt, or a mask: SEG-Y, .npy or Zarr')
    parser.add_argument('--out', required=True, help='folder to write into')
    parser.add_argument('--std', help='standard deviation of the probability, for intervals')
    parser.add_argument('--survey', help='SEG-Y file of the survey, where the probability has no coordinates')
    parser.add_argument('--threshold', type=float, default=0.5, help='probability above which there is salt')
    parser.add_argument('--min-body', type=int, default=0, metavar='VOXELS', help='smaller bodies are left out')
    parser.add_argument(
        '--hysteresis', type=float, metavar='P', help='so are bodies that are nowhere more probable than this'
    )
    parser.add_argument(
        '--factor', type=float, default=NORMAL_90, help='standard deviations on both sides of the intervals'
    )
    parser.add_argument('--label', help='0 background, 1 salt, 255 unknown, on the same grid, to calibrate by')
    parser.add_argument('--coverage', type=float, default=0.9, help='share of the labelled that intervals shall hold')
    parser.add_argument(
        '--horizons', nargs='*', metavar='FORMAT', help='xyz, lines, zmap, irap, geotiff; all by default'
    )
    parser.add_argument('--meshes', nargs='*', metavar='FORMAT', help='obj, ply, vtk, ts; all by default')
    parser.add_argument('--most-meshes', type=int, default=20, help='so many of the largest bodies get meshes')
    parser.add_argument('--polygons', nargs='*', metavar='DIRECTION', help='iline, xline; both by default')
    parser.add_argument('--every', type=int, default=1, help='of the sections of a direction every so many')
    add_segy_options(parser.add_argument_group('how SEG-Y is read'))
    args = parser.parse_args()
    if args.label is not None and args.std is None:
        parser.error('--label calibrates the intervals of a standard deviation: give --std')
    return args


def open_one(path: str, args: argparse.Namespace) -> Volume:
    """Opens a file with the options that are no matter of the probability alone."""
    given = segy_options(args)
    if is_array(path):
        return open_volume(path)
    shared = {name: value for name, value in given.items() if name not in OWN_OPTIONS or path == args.salt}
    return open_volume(path, **shared)


def main() -> None:
    """Exports."""
    args = parse_args()
    check_folder('--out', args.out)
    from mmattn.seismic.export.salt import export_salt
    from mmattn.seismic.export.work import ExportOptions
    from mmattn.seismic.volumes.grids import check_grid

    names = ('threshold', 'min_body', 'hysteresis', 'most_meshes', 'every')
    given = {name: getattr(args, name) for name in names}
    given |= {
        name: getattr(args, name) for name in ('horizons', 'meshes', 'polygons') if getattr(args, name) is not None
    }
    volumes: dict[str, Volume] = {}
    try:
        ExportOptions(**given)
        for name in ('salt', 'std', 'label', 'survey'):
            if getattr(args, name) is not None:
                volumes[name] = open_one(getattr(args, name), args)
        check_values(volumes)
        for name, volume in volumes.items():
            check_grid(name, volume, volumes['salt'])
        options = ExportOptions(factor=args.factor, **given)
        with Display() as display:
            summary = export_salt(
                volumes['salt'],
                args.out,
                std=volumes.get('std'),
                geometry=volumes.get('survey'),
                label=volumes.get('label'),
                coverage=args.coverage,
                options=options,
                progress=display,
            )
    except (ValueError, TypeError) as error:
        raise InputError(one_line(error)) from error
    finally:
        for volume in volumes.values():
            volume.close()
    for name in ('top', 'base'):
        found = summary[name]
        print(f'{name}: {found["places"]} places, {found["shallowest"]} to {found["deepest"]} {summary["unit_of_z"]}')
    for name, held in summary.get('calibration', {}).items():
        if 'held' not in held:
            continue  # a note tells why
        unit = summary['unit_of_z']
        print(
            f'{name}: intervals of {args.factor:.4g} standard deviations and {held["margin"]:.3g} {unit} beyond, '
            f'{held["mean_width"]:.4g} {unit} wide, hold {held["held"]:.1%} of {held["traces"]} labelled traces on '
            'other lines'
        )
    print(f'bodies: {summary["bodies"]["number"]}, {summary["bodies"]["meshes"]} with meshes')
    for note in summary['notes']:
        print(f'note: {note}')
    print(f'written into {args.out}')


def check_values(volumes: dict[str, Volume]) -> None:
    """Looks at three lines of the probability.

    Raises:
        ValueError: if it holds no probability.
    """
    salt = volumes['salt']
    for line in {0, salt.shape[0] // 2, salt.shape[0] - 1}:
        values = salt.section('iline', line)
        if values.size and (values.min() < 0 or values.max() > 1):
            raise ValueError(
                f'{salt.name} must hold probabilities from 0 to 1, got {values.min():.6g} to {np.max(values):.6g}'
            )


if __name__ == '__main__':
    run_tool(main)
