"""The options of reading SEG-Y on a command line: of volumes, of shot gathers and of velocity models."""

import argparse
import re
from collections.abc import Mapping
from types import MappingProxyType

READERS = ('volume', 'gathers', 'velocity')
"""``open_volume``, ``read_gathers`` and ``read_velocity``."""
_WORDS = dict(
    iline=(189, 'inline number'),
    xline=(193, 'crossline number'),
    cdp_x=(181, 'x coordinate'),
    cdp_y=(185, 'y coordinate'),
    record=(9, 'field record'),
    source_x=(73, 'x of the source'),
    receiver_x=(81, 'x of the receiver'),
)
_SETTINGS: Mapping[str, dict] = MappingProxyType(
    dict(
        by=dict(choices=['auto', 'record', 'source'], default='auto', help='what makes traces one shot'),
        endian=dict(choices=['auto', 'big', 'little'], default='auto', help='byte order'),
        geometry=dict(choices=['auto', '3d', '2d'], default='auto'),
        duplicates=dict(choices=['error', 'first', 'last'], default='error', help='traces at one place'),
        num_samples=dict(type=int, help="samples a trace, in place of the header's"),
        sample_unit=dict(choices=['ms', 'm', 'ft'], default='ms', help='ms, or m or ft of depth files'),
        format=dict(type=int, metavar='CODE', help='sample format: 1 IBM, 5 IEEE floats, 3 int16, …'),
        num_text_headers=dict(type=int, metavar='N', help='extended textual headers in the file'),
        allow_truncated=dict(action='store_true', help='read the whole traces of a file that was cut'),
        sample_interval=dict(type=float, metavar='STEP', help="ms (m, ft), in place of the headers'"),
        start_time=dict(type=float, metavar='TIME', help="of the first sample, in place of the headers'"),
        coordinate_scalar=dict(type=int, metavar='N', help='of coordinates, -100 divides by 100'),
        coordinate_unit=dict(
            choices=['m', 'ft', 'arcsec', 'deg', 'dms'],
            help="of coordinates, in place of the headers'; angles have no spacing and area",
        ),
        null_value=dict(type=float, nargs='+', metavar='VALUE', help='samples that mean no data'),
    )
)
_SHARED = (
    'endian', 'num_samples', 'format', 'num_text_headers', 'allow_truncated', 'sample_interval', 'start_time',
    'coordinate_scalar', 'coordinate_unit', 'null_value',
)  # fmt: skip
_OF_VOLUMES = ('iline', 'xline', 'cdp_x', 'cdp_y', 'duplicates', 'sample_unit', *_SHARED)
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict(
        volume=(*_OF_VOLUMES, 'geometry'),
        gathers=('record', 'source_x', 'receiver_x', 'by', *_SHARED),
        velocity=_OF_VOLUMES,
    )
)
_CHANGES: Mapping[str, dict] = MappingProxyType(
    dict(
        gathers=dict(coordinate_unit=dict(choices=['m', 'ft'], default='m', help='of positions')),
        velocity=dict(sample_unit=dict(choices=['m', 'ft'], default='m', help='of depths')),
    )
)
_TAKEN = dict(format='sample_format')
"""Flags of options whose name another option of the same tool has."""


def add_segy_options(
    group: argparse._ArgumentGroup, reader: str = 'volume', *, prefix: str = '', taken: bool = False
) -> None:
    """Adds the options of a reader.

    Args:
        group: of a parser.
        reader: one of :data:`READERS`.
        prefix: of the flags, as 'model-'.
        taken: whether the tool has a --format of its own: that of samples is then --sample-format.
    """
    for name in _NAMES[reader]:
        flag = f'--{prefix}{_flag(name, taken)}'
        if name in _WORDS:
            byte, what = _WORDS[name]
            text = f"{what} in trace headers ({byte}): first byte, or '{byte}:int32'"
            group.add_argument(flag, type=_header_word, default=byte, metavar='BYTE[:TYPE]', help=text)
        else:
            group.add_argument(flag, **_SETTINGS[name] | _CHANGES.get(reader, {}).get(name, {}))


def segy_options(args: argparse.Namespace, reader: str = 'volume', *, prefix: str = '', taken: bool = False) -> dict:
    """The options of a reader in a command line; arguments as :func:`add_segy_options` had them."""
    return {name: getattr(args, f'{prefix}{_flag(name, taken)}'.replace('-', '_')) for name in _NAMES[reader]}


def format_options(options: Mapping[str, object]) -> list[str]:
    """The arguments of a command line that stand for options of ``open_volume``, those at their default left out."""
    parser, words = argparse.ArgumentParser(), []
    add_segy_options(parser.add_argument_group())
    defaults = vars(parser.parse_args([]))
    for name, value in options.items():
        if value is None or value is False or value == defaults[name]:
            continue
        words.append(f'--{_flag(name, False)}')
        if value is not True:
            words += [f'{one}' for one in (value if isinstance(value, list | tuple) else [value])]
    return words


def _flag(name: str, taken: bool) -> str:
    return (_TAKEN.get(name, name) if taken else name).replace('_', '-')


def _header_word(text: str) -> int | str:
    """A byte position, or a text that ``open_volume`` checks."""
    return int(text) if re.fullmatch(r'-?\d+', text) else text
