"""Finds salt in pictures of sections: masks, probabilities, overlays and a table.

python tools/predict_images.py salt-synthetic section.png --out salt      # a network that comes with mmattn
python tools/predict_images.py CONFIG sections/ --checkpoint CHECKPOINT --out salt --flip --min-body 100

Pictures are grey with 8 bits (PNG, JPEG, TIFF, BMP), a column a trace, time or depth downwards, zero amplitude
mid-grey; axes and margins must be cut off. Amplitudes are read from arrays and SEG-Y by tools/predict_segy.py.
"""

import argparse

from mmattn.cli.command_line import ToolParser, add_backend, check_device, check_folder, run_tool
from mmattn.cli.progress import Display
from mmattn.common.errors import InputError, one_line


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'network', help='that comes with mmattn, as salt-synthetic; a saved folder, a work directory, or a config'
    )
    parser.add_argument('images', nargs='+', metavar='PICTURE', help='pictures, or folders of them')
    parser.add_argument('--checkpoint', help='of a config')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for all that is written')
    parser.add_argument('--threshold', type=float, default=0.5, help='probability above which the mask is salt')
    parser.add_argument(
        '--hysteresis', type=float, metavar='P', help='bodies that are nowhere more probable than this leave the mask'
    )
    parser.add_argument('--min-body', type=int, default=0, metavar='PIXELS', help='smaller bodies leave it too')
    parser.add_argument('--flip', action='store_true', help='average with the prediction of reversed sections')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    add_backend(parser)
    parser.add_argument('--resume', action='store_true', help='go on with what the folder holds')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    return parser.parse_args()


def main() -> None:
    """Predicts."""
    args = parse_args()
    check_device(args.device)
    check_folder('--out', args.out)
    from mmattn.inference import load  # after the options, so that --help comes at once
    from mmattn.inference.pictures import TABLE, list_pictures, predict_pictures

    how = {name: getattr(args, name) for name in ('flip', 'amp', 'backend')}
    try:
        pictures = list_pictures(args.images)
        model = load(args.network, args.checkpoint, device=args.device, **how)
        with Display() as display:
            rows = predict_pictures(
                model,
                pictures,
                args.out,
                **{name: getattr(args, name) for name in ('threshold', 'hysteresis', 'min_body')},
                about=dict(network=args.network, checkpoint=args.checkpoint, **how),
                resume=args.resume,
                progress=lambda done, total: display('pictures', done, total),
            )
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise InputError(one_line(error)) from error
    for row in rows[:20]:
        print(f'{row["picture"]}: {float(row["salt_share"]):.1%} salt in {row["bodies"]} bodies')
    print(f'{len(rows)} pictures: {args.out}/{TABLE}, and a mask, a probability and an overlay of each')


if __name__ == '__main__':
    run_tool(main, after_interrupt='--resume goes on')
