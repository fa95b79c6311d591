"""Renames the tensors of a published checkpoint to ours.

python tools/convert_checkpoint.py SOURCE published.pth ours.pth [--component PREFIX] [--force]
"""

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.common.errors import InputError, one_line
from mmattn.common.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

    from mmattn.checkpoints import Conversion


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('source', help='where the checkpoint comes from: mmseg, ccnet, swin, …; a wrong name lists all')
    parser.add_argument('input', help='published checkpoint, of PyTorch or an .npz of NumPy arrays')
    parser.add_argument('output', help='file to write')
    parser.add_argument('--component', metavar='PREFIX', help='convert only the tensors under this prefix, as head')
    parser.add_argument('--force', action='store_true', help='replace the output if it is there')
    return parser.parse_args()


def read_input(path: str) -> dict[str, 'Tensor']:
    """Reads a checkpoint of PyTorch's, or an archive of NumPy arrays.

    Raises:
        InputError: if it is no such file.
    """
    from mmattn.checkpoints.arrays import is_archive, read_archive
    from mmattn.cli.saved_weights import read_checkpoint

    if '://' in path:
        raise InputError(f'{path!r} is a URL: download it first')
    if not is_archive(path) or not Path(path).is_file():
        return read_checkpoint(path)
    try:
        return read_archive(path)
    except ValueError as error:
        raise InputError(one_line(error)) from None


def summarize(conversion: 'Conversion', names: int) -> str:
    """Returns what became of the ``names`` tensors of a file, one line each for those with a new name."""
    moved = {old: new for old, new in conversion.renamed.items() if old != new}
    lines = [f'{old} -> {new}' for old, new in moved.items()]
    lines += [f'{name} dropped' for name in conversion.dropped]
    outside = names - len(conversion.renamed) - len(conversion.dropped)
    kept = len(conversion.renamed) - len(moved)
    lines.append(
        f'{names} tensors: {len(moved)} renamed, {kept} as they were, {len(conversion.dropped)} dropped, '
        f'{outside} outside the component'
    )
    return '\n'.join(lines)


def main() -> None:
    """Converts."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.checkpoints import convert_checkpoint, list_sources
    from mmattn.checkpoints.convert import unwrap

    if args.source not in list_sources():
        raise InputError(f'no source {args.source!r}; there are {", ".join(list_sources())}')
    if Path(args.output).exists() and not args.force:
        raise InputError(f'{args.output!r} is there already; --force replaces it')
    check_file('output', args.output)
    content = read_input(args.input)
    try:
        conversion = convert_checkpoint(content, args.source, component=args.component)
    except (KeyError, TypeError) as error:
        raise InputError(f'{args.input!r}: {error.args[0]}') from None
    buffer = io.BytesIO()
    meta = dict(source=args.source, component=args.component, file=Path(args.input).name)
    torch.save(dict(state_dict=conversion.tensors, meta=meta), buffer)
    write_whole(args.output, buffer.getvalue())
    print(summarize(conversion, len(unwrap(content))))
    print(f'written to {args.output}')


if __name__ == '__main__':
    run_tool(main)
