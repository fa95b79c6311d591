"""Tells what is in a SEG-Y file, and draws three slices through it.

python tools/segy_info.py survey.sgy --picture survey.png

A file that does not open as a volume is told too, with the byte positions that could help; the exit code is then 2.
"""

import argparse
import json
import sys

from mmattn.seismic import SegyError, SegyVolume
from mmattn.seismic.segy_report import describe_headers, describe_unusable, describe_volume
from mmattn.seismic.slices import check_picture, save_slices


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', help='a SEG-Y file')
    parser.add_argument('--picture', help='PNG to draw the middle inline, crossline and time slice into')
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument('--headers', action='store_true', help='list the trace header words that vary')
    add_segy_options(parser)
    return parser.parse_args()


def add_segy_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``open_volume``."""
    group = parser.add_argument_group('how the file is read')
    for name, byte, what in (
        ('iline', 189, 'inline number'),
        ('xline', 193, 'crossline number'),
        ('cdp-x', 181, 'x coordinate'),
        ('cdp-y', 185, 'y coordinate'),
    ):
        group.add_argument(f'--{name}', type=int, default=byte, help=f'first byte of the {what} ({byte})')
    group.add_argument('--endian', choices=['auto', 'big', 'little'], default='auto', help='byte order')
    group.add_argument('--geometry', choices=['auto', '3d', '2d'], default='auto')
    group.add_argument('--duplicates', choices=['error', 'first', 'last'], default='error', help='traces at one place')
    group.add_argument('--num-samples', type=int, help="samples a trace, in place of the header's")
    group.add_argument('--sample-unit', choices=['ms', 'm', 'ft'], default='ms', help='ms, or m or ft of depth files')


def segy_options(args: argparse.Namespace) -> dict:
    """The options of ``open_volume`` in a command line."""
    names = ('iline', 'xline', 'cdp_x', 'cdp_y', 'endian', 'geometry', 'duplicates', 'num_samples', 'sample_unit')
    return {name: getattr(args, name) for name in names}


def show(found: dict) -> None:
    """Prints a description for people."""
    for title, content in found.items():
        if title == 'headers':
            print('header words that vary')
            for word in content:
                print(
                    f'  {word["byte"]:4} {word["name"]:32} {word["lowest"]:12} to {word["highest"]:12}, '
                    f'{word["distinct"]} values'
                )
        elif isinstance(content, dict):
            print(title)
            for name, value in content.items():
                _show_value(name.replace('_', ' '), value)
        elif isinstance(content, list):
            print(title if content else f'{title}: none')
            for item in content:
                print(f'  {_inline(item)}')
        else:
            print(f'{title}: {content}')


def _show_value(name: str, value: object) -> None:
    """Prints one property: lists of many things a line each."""
    if isinstance(value, list) and value and not isinstance(value[0], int):
        print(f'  {name}')
        for item in value:
            print(f'    {_inline(item)}')
    else:
        print(f'  {name:22} {_inline(value)}')


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{name.replace("_", " ")} {_inline(item)}' for name, item in value.items())
    if isinstance(value, list):
        return ' x '.join(map(_inline, value))
    if value is None:
        return '-'
    return f'{value:.6g}' if isinstance(value, float) and abs(value) < 1e5 else f'{value}'


def main() -> int:
    """Runs the tool; 0 on success, 2 if the file is no usable volume or an option is wrong."""
    args = parse_args()
    found: dict = {}
    problem = None
    try:
        if args.picture:
            check_picture(args.picture)
        try:
            with SegyVolume(args.file, **segy_options(args)) as volume:
                found = describe_volume(volume)
                if args.headers:
                    found['headers'] = describe_headers(volume.layout)
                if args.picture:
                    found['picture'] = str(save_slices(volume, args.picture))
        except SegyError as error:
            found = describe_unusable(args.file, error, endian=args.endian, num_samples=args.num_samples)
            if args.picture:
                found['picture'] = 'none: the file is no volume'
    except (OSError, ValueError) as error:  # of the picture: what is known is told all the same
        problem = str(error)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    problem = found.pop('error', problem)
    if args.json and (found or problem is None):
        print(json.dumps(found if problem is None else dict(error=problem) | found, indent=2))
    else:
        show(found)
    if problem is not None:
        print(f'error: {problem}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
