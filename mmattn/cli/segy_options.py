"""The options of ``open_volume`` on a command line."""

import argparse
import re
from collections.abc import Mapping

_BYTES = (
    ('iline', 189, 'inline number'),
    ('xline', 193, 'crossline number'),
    ('cdp_x', 181, 'x coordinate'),
    ('cdp_y', 185, 'y coordinate'),
)
_OTHERS = (
    'endian', 'geometry', 'duplicates', 'num_samples', 'sample_unit', 'format', 'num_text_headers', 'allow_truncated',
    'sample_interval', 'start_time', 'coordinate_scalar', 'coordinate_unit', 'null_value',
)  # fmt: skip


def add_segy_options(group: argparse._ArgumentGroup) -> None:
    """Adds the options of ``open_volume``."""
    for name, byte, what in _BYTES:
        flag, text = f'--{name.replace("_", "-")}', f"{what} in trace headers ({byte}): first byte, or '{byte}:int32'"
        group.add_argument(flag, type=_header_word, default=byte, metavar='BYTE[:TYPE]', help=text)
    group.add_argument('--endian', choices=['auto', 'big', 'little'], default='auto', help='byte order')
    group.add_argument('--geometry', choices=['auto', '3d', '2d'], default='auto')
    group.add_argument('--duplicates', choices=['error', 'first', 'last'], default='error', help='traces at one place')
    group.add_argument('--num-samples', type=int, help="samples a trace, in place of the header's")
    group.add_argument('--sample-unit', choices=['ms', 'm', 'ft'], default='ms', help='ms, or m or ft of depth files')
    group.add_argument('--format', type=int, metavar='CODE', help='sample format: 1 IBM, 5 IEEE floats, 3 int16, …')
    group.add_argument('--num-text-headers', type=int, metavar='N', help='extended textual headers in the file')
    group.add_argument('--allow-truncated', action='store_true', help='read the whole traces of a file that was cut')
    group.add_argument('--sample-interval', type=float, metavar='STEP', help="ms (m, ft), in place of the headers'")
    group.add_argument('--start-time', type=float, metavar='TIME', help="of the first sample, in place of the headers'")
    group.add_argument('--coordinate-scalar', type=int, metavar='N', help='of coordinates, -100 divides by 100')
    units = dict(
        choices=['m', 'ft', 'arcsec', 'deg', 'dms'],
        help="of coordinates, in place of the headers'; angles have no spacing and area",
    )
    group.add_argument('--coordinate-unit', **units)
    group.add_argument('--null-value', type=float, nargs='+', metavar='VALUE', help='samples that mean no data')


_GATHER_WORDS = (
    ('record', 9, 'field record'),
    ('source_x', 73, 'x of the source'),
    ('receiver_x', 81, 'x of the receiver'),
)
_GATHER_OTHERS = (
    'by', 'endian', 'num_samples', 'num_text_headers', 'allow_truncated', 'sample_interval', 'coordinate_scalar',
    'coordinate_unit',
)  # fmt: skip


def add_gather_options(group: argparse._ArgumentGroup) -> None:
    """Adds the options of ``read_gathers``."""
    for name, byte, what in _GATHER_WORDS:
        flag, text = f'--{name.replace("_", "-")}', f"{what} in trace headers ({byte}): first byte, or '{byte}:int32'"
        group.add_argument(flag, type=_header_word, default=byte, metavar='BYTE[:TYPE]', help=text)
    group.add_argument('--by', choices=['auto', 'record', 'source'], default='auto', help='what makes traces one shot')
    group.add_argument('--endian', choices=['auto', 'big', 'little'], default='auto', help='byte order')
    group.add_argument('--num-samples', type=int, help="samples a trace, in place of the header's")
    group.add_argument('--sample-format', type=int, metavar='CODE', help='1 IBM, 5 IEEE floats, 3 int16, …')
    group.add_argument('--num-text-headers', type=int, metavar='N', help='extended textual headers in the file')
    group.add_argument('--allow-truncated', action='store_true', help='read the whole traces of a file that was cut')
    group.add_argument('--sample-interval', type=float, metavar='MS', help="in place of the headers'")
    group.add_argument('--coordinate-scalar', type=int, metavar='N', help='of positions, -100 divides by 100')
    group.add_argument('--coordinate-unit', choices=['m', 'ft'], default='m', help='of positions')


def gather_options(args: argparse.Namespace) -> dict:
    """The options of ``read_gathers`` in a command line."""
    names = (*(name for name, _, _ in _GATHER_WORDS), *_GATHER_OTHERS)
    return {name: getattr(args, name) for name in names} | dict(format=args.sample_format)


def _header_word(text: str) -> int | str:
    """A byte position, or a text that ``open_volume`` checks."""
    return int(text) if re.fullmatch(r'-?\d+', text) else text


def segy_options(args: argparse.Namespace) -> dict:
    """The options of ``open_volume`` in a command line."""
    return {name: getattr(args, name) for name in (*(name for name, _, _ in _BYTES), *_OTHERS)}


def format_options(options: Mapping[str, object]) -> list[str]:
    """The arguments of a command line that stand for options of ``open_volume``, those at their default left out."""
    parser, words = argparse.ArgumentParser(), []
    add_segy_options(parser.add_argument_group())
    defaults = vars(parser.parse_args([]))
    for name, value in options.items():
        if value is None or value is False or value == defaults[name]:
            continue
        words.append(f'--{name.replace("_", "-")}')
        if value is not True:
            words += [f'{one}' for one in (value if isinstance(value, list | tuple) else [value])]
    return words
