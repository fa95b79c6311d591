"""Draws what the attention layers of a trained network see from one position of an image.

python tools/attention_maps.py CONFIG CHECKPOINT image.png --at 40 60 --out maps
python tools/attention_maps.py CONFIG CHECKPOINT image.png --at 40 60 --out maps --format pdf --layer decode_head

X and Y are pixels of the image, column and row from 0. Each layer of mmattn gets a figure, named after it in the
network: the weights that the position gives to others, head by head, or the gates. maps.npz has all arrays, maps.json
says what they are. The image is taken as a whole, also by a network that is tested by sliding windows.
"""

import argparse
import json
from pathlib import Path

from mmattn.cli.command_line import ToolParser, add_cfg_options, check_device, check_folder, run_tool
from mmattn.common.errors import InputError, one_line


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file of the model, or the name of one that comes with mmattn')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('image', help='picture that the test pipeline of the config reads')
    parser.add_argument('--at', type=int, nargs=2, required=True, metavar=('X', 'Y'), help='the position')
    parser.add_argument('--out', required=True, help='folder for pictures and arrays')
    parser.add_argument('--layer', default='', help='only layers whose name in the network holds this text')
    parser.add_argument('--format', choices=['png', 'pdf', 'svg'], default='png', help='of the figures')
    parser.add_argument('--dpi', type=int, default=150, help='pixels an inch of the figures')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    add_cfg_options(parser)
    args = parser.parse_args()
    if not 20 <= args.dpi <= 1200:
        parser.error(f'--dpi must be from 20 to 1200, got {args.dpi}')
    return args


def main() -> None:
    """Draws."""
    args = parse_args()
    check_folder('--out', args.out)
    check_device(args.device)
    import numpy as np  # after the options, so that --help comes at once

    from mmattn.cli.launch import load_config
    from mmattn.cli.saved_weights import read_model
    from mmattn.common.files import write_whole, written_whole
    from mmattn.engine.attention_pictures import arrays_of, describe_maps, file_name, save_attention
    from mmattn.inference.attention import look_at_image

    config = load_config(args.config, args.cfg_options)
    try:
        model = read_model(config, args.checkpoint, args.device)
        seen, picture = look_at_image(model, args.image, *args.at)
    except (ValueError, TypeError, OSError) as error:
        raise InputError(one_line(error)) from error
    chosen = [one for one in seen if one.maps and args.layer in one.layer]
    if not chosen:
        there = ', '.join(one.layer for one in seen if one.maps)
        if there:
            raise InputError(f'--layer {args.layer!r} is in no name; there are {there}')
        raise InputError('the network has no attention layer of mmattn, or none that attends')
    folder = Path(args.out)
    with written_whole(folder / 'maps.npz') as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **arrays_of(chosen))
    about = dict(image=args.image, x=args.at[0], y=args.at[1], maps=describe_maps(chosen))
    write_whole(folder / 'maps.json', json.dumps(about, indent=1, ensure_ascii=False) + '\n')
    for one in chosen:
        path = folder / f'{file_name(one)}.{args.format}'
        save_attention(one, picture, path, dpi=args.dpi)
        print(f'{one.layer} ({one.kind}): {", ".join(one.maps)}: {path}')
    print(f'arrays: {folder / "maps.npz"}')


if __name__ == '__main__':
    run_tool(main)
