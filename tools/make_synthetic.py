"""Writes synthetic salt data: a folder in the TGS layout, or a volume.

python tools/make_synthetic.py tgs data/synthetic --num-sections 4000 --size 101 101 --seed 0
python tools/make_synthetic.py volume data/volume.sgy --shape 200 200 256 --seed 0

A volume (inlines, crosslines, samples) goes into one .npz with ``amplitude`` and ``label``, into two SEG-Y files,
OUT.sgy and OUT_label.sgy (4 ms, inline sorted, lines 25 m apart), or into two arrays that are written inline by inline,
however large: OUT.npy and OUT_label.npy.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import segyio

from mmattn.seismic.synthetic import SyntheticSurvey, make_volume, write_tgs_folder


def write_sections(args: argparse.Namespace) -> None:
    """Writes the TGS folder."""
    survey = SyntheticSurvey(tuple(args.size), seed=args.seed)
    print(write_tgs_folder(survey, args.num_sections, args.out, progress=Progress()))


def write_volume(args: argparse.Namespace) -> None:
    """Writes the volume."""
    out, shape = Path(args.out), tuple(args.shape)
    label_out = out.with_name(f'{out.stem}_label{out.suffix}')
    if out.suffix not in ('.npz', '.npy', '.sgy'):
        raise ValueError(f'the volume must be a .npz, .npy or .sgy file, got {out}')
    for path in (out,) if out.suffix == '.npz' else (out, label_out):
        if path.exists():
            raise FileExistsError(f'{path} exists; give another name')
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix != '.npy':
        amplitude, label = make_volume(shape, seed=args.seed, salt_coverage=args.salt_coverage)
    if out.suffix == '.npz':
        np.savez_compressed(out, amplitude=amplitude, label=label)
        print(out)
        return
    if out.suffix == '.sgy':
        for path, samples in ((out, amplitude), (label_out, label.astype(np.float32))):
            segyio.tools.from_array3D(str(path), samples, format=segyio.SegySampleFormat.IEEE_FLOAT_4_BYTE)
            put_coordinates(path, shape)
        print(out, label_out, sep='\n')
        return
    files = [
        np.lib.format.open_memmap(path, mode='w+', dtype=dtype, shape=shape)
        for path, dtype in ((out, np.float32), (label_out, np.uint8))
    ]
    make_volume(shape, seed=args.seed, salt_coverage=args.salt_coverage, out=tuple(files))
    for file in files:
        file.flush()
    print(out, label_out, sep='\n')


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


class Progress:
    """Prints what is done and the time left, about once a second."""

    def __init__(self) -> None:
        self._start = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._shown > 1:
            self._shown = now
            left = (now - self._start) / done * (total - done)
            end = '\n' if done == total else '\r'
            print(f'{done} of {total}, {left:.0f} s left ', end=end, file=sys.stderr, flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    try:
        args.write(args)
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == '__main__':
    main()
