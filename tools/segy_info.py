"""Tells what is in a SEG-Y file, and draws three slices through it.

python tools/segy_info.py survey.sgy --picture survey.png

Where options of reading would help it gives them as a command line to copy; predict_segy.py takes the same options. A
file that does not open as a volume is told too; the exit code is then 2.
"""

import argparse
import json
import shlex

from mmattn.cli.command_line import ToolParser, run_tool
from mmattn.cli.segy_options import add_segy_options, format_options, segy_options
from mmattn.common.errors import InputError
from mmattn.seismic import SegyError
from mmattn.seismic.opening import open_segy
from mmattn.seismic.segy.layout import LAYOUT_OPTIONS
from mmattn.seismic.segy.remedies import find_opening
from mmattn.seismic.segy.report import describe_headers, describe_unusable, describe_volume
from mmattn.seismic.segy.report_text import describe_as_text
from mmattn.seismic.volumes.slice_picture import check_picture, save_slices


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('file', help='a SEG-Y file')
    parser.add_argument('--picture', help='PNG to draw the middle inline, crossline and time slice into')
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument('--headers', action='store_true', help='list the trace header words that vary')
    add_segy_options(parser.add_argument_group('how the file is read'))
    return parser.parse_args()


def add_command(found: dict, args: argparse.Namespace) -> None:
    """Puts the options that would help into a command line, beside those that were given."""
    if not found.get('options'):
        found.pop('options', None)
        return
    words = format_options(segy_options(args) | found['options'])
    found['command'] = shlex.join(['python', 'tools/segy_info.py', args.file, *words])


def main() -> None:
    """Tells what is known, also of a file that is no usable volume."""
    args = parse_args()
    found: dict = {}
    problem = None
    try:
        if args.picture:
            check_picture(args.picture)
        try:
            with open_segy(args.file, **segy_options(args)) as volume:
                found = describe_volume(volume)
                if args.headers:
                    found['headers'] = describe_headers(volume.layout)
                if args.picture:
                    found['picture'] = str(save_slices(volume, args.picture))
        except SegyError as error:
            found = describe_unusable(args.file, error, **{name: getattr(args, name) for name in LAYOUT_OPTIONS})
            found['options'] = find_opening(args.file, error, segy_options(args), open_segy)
            if args.picture:
                found['picture'] = 'none: the file is no volume'
    except (OSError, ValueError) as error:  # of the picture: what is known is told all the same
        problem = str(error)
    problem = found.pop('error', problem)
    add_command(found, args)
    if args.json and (found or problem is None):
        print(json.dumps(found if problem is None else dict(error=problem) | found, indent=2))
    else:
        found.pop('options', None)  # the command has them
        print('\n'.join(describe_as_text(found)))
    if problem is not None:
        raise InputError(problem)


if __name__ == '__main__':
    run_tool(main)
