"""Writes synthetic salt data: a folder in the TGS layout, or a volume.

python tools/make_synthetic.py tgs data/synthetic --num-sections 4000 --size 101 101 --seed 0
python tools/make_synthetic.py volume data/volume.sgy --shape 200 200 256 --seed 0

A volume (inlines, crosslines, samples) goes into one .npz with ``amplitude`` and ``label``, into two SEG-Y files,
OUT.sgy and OUT_label.sgy (4 ms, inline sorted, lines 25 m apart), or into two arrays that are written inline by inline,
however large: OUT.npy and OUT_label.npy.
"""

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import segyio

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import written_whole
from mmattn.seismic.synthetic import SyntheticSurvey, iterate_inlines, write_tgs_folder


def write_sections(args: argparse.Namespace) -> Iterable[Path]:
    """Writes the TGS folder."""
    survey = SyntheticSurvey(tuple(args.size), seed=args.seed)
    with Display() as display:
        return [write_tgs_folder(survey, args.num_sections, args.out, progress=partial(display, 'sections'))]


def write_volume(args: argparse.Namespace) -> Iterable[Path]:
    """Writes the volume."""
    out, shape = Path(args.out), tuple(args.shape)
    if out.suffix not in ('.npz', '.npy', '.sgy'):
        raise ValueError(f'the volume must be a .npz, .npy or .sgy file, got {out}')
    paths = [out] if out.suffix == '.npz' else [out, out.with_name(f'{out.stem}_label{out.suffix}')]
    for path in paths:
        if path.exists():
            raise FileExistsError(f'{path} exists; give another name')
    with ExitStack() as stack:
        temporary = [stack.enter_context(written_whole(path)) for path in paths]
        types = np.float32, np.uint8
        if out.suffix == '.npy':
            arrays = [np.lib.format.open_memmap(path, 'w+', kind, shape) for path, kind in zip(temporary, types)]
        else:
            arrays = [np.empty(shape, kind) for kind in types]
        fill(arrays, iterate_inlines(shape, seed=args.seed, salt_coverage=args.salt_coverage))
        if out.suffix == '.npz':
            np.savez_compressed(temporary[0], amplitude=arrays[0], label=arrays[1])
        for path, samples in zip(temporary, arrays) if out.suffix == '.sgy' else ():
            samples = samples.astype(np.float32, copy=False)
            segyio.tools.from_array3D(str(path), samples, format=segyio.SegySampleFormat.IEEE_FLOAT_4_BYTE)
            put_coordinates(path, shape)
        for array in arrays if out.suffix == '.npy' else ():
            array.flush()
    return paths


def fill(arrays: list[np.ndarray], inlines: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
    """Puts inlines into amplitude and label, and shows the progress."""
    with Display() as display:
        for number, sections in enumerate(inlines):
            for array, section in zip(arrays, sections):
                array[number] = section
            display('inlines', number + 1, len(arrays[0]))


def put_coordinates(path: Path, shape: tuple[int, int, int], *, spacing: int = 25) -> None:
    """Writes CDP-X (bytes 181-184), CDP-Y (185-188) and their unit, metres, into a SEG-Y file.

    Args:
        path: of a file sorted by inlines.
        shape: (num_ilines, num_xlines, num_samples).
        spacing: of inlines and of crosslines, metres; x rises with crosslines, y with inlines.
    """
    with open(path, 'r+b') as file:
        file.seek(3254)
        file.write((1).to_bytes(2, 'big'))
    trace = np.dtype(
        {'names': ['x', 'y'], 'formats': ['>i4', '>i4'], 'offsets': [180, 184], 'itemsize': 240 + 4 * shape[2]}
    )
    traces = np.memmap(path, trace, mode='r+', offset=3600, shape=shape[:2])
    traces['y'], traces['x'] = (spacing * number for number in np.indices(shape[:2], sparse=True))
    traces.flush()


def main() -> None:
    """Writes what the command line asks for, and prints the paths."""
    parser = ToolParser(__doc__)
    commands = parser.add_subparsers(required=True)
    tgs = commands.add_parser('tgs', help='sections as a TGS folder')
    tgs.add_argument('out', help='new or empty folder')
    tgs.add_argument('--num-sections', type=int, default=4000)
    tgs.add_argument('--size', type=int, nargs=2, default=(101, 101), metavar=('H', 'W'))
    tgs.set_defaults(write=write_sections)
    volume = commands.add_parser('volume', help='a volume as .npz, .npy or .sgy')
    volume.add_argument('out', help='file to write')
    volume.add_argument('--shape', type=int, nargs=3, required=True, metavar=('INLINES', 'CROSSLINES', 'SAMPLES'))
    volume.add_argument('--salt-coverage', type=float, default=0.25)
    volume.set_defaults(write=write_volume)
    for command in (tgs, volume):
        command.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    check_folder('out', Path(args.out).parent)
    try:
        print(*args.write(args), sep='\n')
    except (OSError, ValueError) as error:
        raise InputError(one_line(error)) from error


if __name__ == '__main__':
    run_tool(main)
