"""Writes a trained salt network as ONNX, for any size of sections, and checks it with onnxruntime.

python tools/export_onnx.py CONFIG CHECKPOINT salt.onnx
python tools/export_onnx.py saved_network salt.onnx               # a folder of mmattn.save, or a work directory
python tools/export_onnx.py CONFIG CHECKPOINT salt.onnx --no-preprocessing

The input is `section`, (N, 1, height, width), grey values of 0 to 255; the output `probability` of the same shape. The
command ends with exit code 1 where onnxruntime and PyTorch differ by more than --tolerance. Needs
pip install 'mmattn[onnx]'.
"""

import argparse
import sys
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.common.errors import InputError, one_line

SIZES = (101, 101), (64, 200), (129, 97), (256, 256)


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('network', nargs='+', metavar='NETWORK', help='CONFIG CHECKPOINT, or one folder')
    parser.add_argument('output', help='file to write, .onnx')
    parser.add_argument(
        '--no-preprocessing', action='store_true', help='the caller normalises and pads; input of all channels'
    )
    parser.add_argument('--tolerance', type=float, default=1e-4, help='of probabilities')
    parser.add_argument('--force', action='store_true', help='replace the output if it is there')
    args = parser.parse_args()
    if len(args.network) > 2:
        parser.error(f'give CONFIG CHECKPOINT OUTPUT or FOLDER OUTPUT, got {len(args.network) + 1} names')
    if Path(args.output).suffix != '.onnx':
        parser.error(f'the output must be an .onnx file, got {args.output!r}')
    return args


def main() -> int:
    """Exports and compares."""
    args = parse_args()
    if Path(args.output).exists() and not args.force:
        raise InputError(f'{args.output!r} is there already; --force replaces it')
    check_file('output', args.output)
    from mmattn.cli.launch import check_readable  # after the options, so that --help comes at once
    from mmattn.inference import load
    from mmattn.inference.onnx_export import compare_onnx, export_onnx

    check_readable(args.network)
    try:
        segmentor = load(*args.network).segmentor
        path = export_onnx(segmentor, args.output, preprocessing=not args.no_preprocessing)
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise InputError(one_line(error)) from error
    print(f'written: {path}, {path.stat().st_size / 2**20:.1f} MiB')
    if args.no_preprocessing:
        print('not compared: the file has no preprocessing')
        return 0
    try:
        differences = compare_onnx(segmentor, path, SIZES)
    except ImportError as error:
        raise InputError(one_line(error)) from error
    for (height, width), difference in differences.items():
        print(f'{height} x {width}: largest difference of the probability from PyTorch {difference:.2g}')
    if max(differences.values()) > args.tolerance:
        print(f'more than --tolerance {args.tolerance:g}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    run_tool(main)
