"""Measures speed and memory beside the named peers, in one process.

python tools/speed.py ops [--ops criss_cross …] [--size 1 512 97 97] [--dtype float32] [--device cpu] [--out FILE]
python tools/speed.py model [--heads umixformer_b0 …] [--configs configs/… …] [--size 512 512] [--out FILE]
python tools/speed.py epoch CONFIG … [--iterations 50] [--workers N] [--amp] [--device cpu] [--out FILE]
python tools/speed.py volume [--config CONFIG] [--shape 64 128 256] [--overlap 0.25] [--out FILE]
python tools/speed.py growth [--layers …] [--sides 32 64 128 256] [--threads 1] [--page docs/speed.md]
python tools/speed.py backends CONFIG … [--batch-size 16] [--threads 1] [--page docs/speed.md]
python tools/speed.py gpu --out DIR [--minutes 8] [--rehearse]
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from mmattn.cli.command_line import ToolParser, check_device, check_file, run_tool
from mmattn.cli.progress import progress_bar
from mmattn.common.errors import InputError, one_line
from mmattn.costs.benchmarks.commands import add_commands

if TYPE_CHECKING:
    from mmattn.costs.benchmarks.model import ModelRow
    from mmattn.costs.benchmarks.networks import Network
    from mmattn.costs.benchmarks.table import Cells


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    add_commands(commands)
    args = parser.parse_args()
    if args.out and args.command != 'gpu' and args.out.suffix not in ('.md', '.csv'):
        parser.error(f'--out must end with .md or .csv, got {str(args.out)!r}')
    if args.repeats < 1 or (args.threads is not None and args.threads < 1):
        parser.error('--repeats and --threads must be positive')
    if args.command == 'ops' and (min(args.size) < 1 or args.size[1] < 16):
        parser.error('--size must be positive, with at least 16 channels')
    if args.command == 'growth' and (min(args.sides) < 1 or args.channels < 16 or args.longest <= 0):
        parser.error('--sides and --longest must be positive, --channels at least 16')
    if args.command == 'model':
        if not args.heads and not args.configs:
            parser.error('model needs --heads or --configs')
        if args.batch < 1 or any(min(size) < 1 for size in args.size or []):
            parser.error('--batch and --size must be positive')
        if args.resume and (args.out is None or args.out.suffix != '.csv'):
            parser.error('--resume needs --out FILE.csv')
    return args


def compare_ops(args: argparse.Namespace, done: 'list[Cells]') -> 'Iterator[list[Cells]]':
    """Yields the rows of one operator after the other; ``done`` is empty."""
    import torch

    from mmattn.costs.benchmarks.ops import compare
    from mmattn.costs.benchmarks.published import PEERS

    device = torch.device(args.device)
    for op in args.ops or PEERS:
        rows = compare(op, args.size, dtype=getattr(torch, args.dtype), device=device, repeats=args.repeats)
        for row in rows:
            print(f'{row.op:20} {row.work:17} time {row.time_ratio or "-":>5}  memory {row.memory_ratio or "-":>5}')
        yield rows


def measure_models(args: argparse.Namespace, done: 'list[ModelRow]') -> 'Iterator[list[Cells]]':
    """Yields the row of one network, size, dtype and kind of work after the other, but for those that are done."""
    import torch

    from mmattn.costs.benchmarks.model import Yardstick, key, measure_network
    from mmattn.costs.benchmarks.networks import build_head, build_segmentor

    device = torch.device(args.device)
    networks: list[tuple[str, Callable[..., Network], list[list[int] | None]]] = [
        *((head, build_head, args.size or [[512, 512]]) for head in args.heads),
        *((config, build_segmentor, args.size or [None]) for config in args.configs),
    ]
    cases = [
        (partial(build, name, size, args.batch, device), dict(dtype=getattr(torch, dtype), work=work))
        for name, build, sizes in networks
        for size, dtype, work in product(sizes, args.dtype, args.work)
    ]
    finished = {tuple(row.cells().values())[:6] for row in done}
    yardstick = Yardstick(device)
    with progress_bar() as progress:
        task = progress.add_task('measuring', total=len(cases))
        for build, what in cases:
            torch.manual_seed(0)
            network = build()
            case = key(network, **what)
            progress.update(task, description=' '.join(case))
            if case not in finished:
                yield [measure_network(network, **what, repeats=args.repeats, yardstick=yardstick)]
            progress.advance(task)


def main() -> int:
    """Measures, prints and writes."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.costs.benchmarks.backends import measure_backends
    from mmattn.costs.benchmarks.epoch import measure_epochs
    from mmattn.costs.benchmarks.gpu import measure_gpu
    from mmattn.costs.benchmarks.growth import measure_growth
    from mmattn.costs.benchmarks.model import ModelRow
    from mmattn.costs.benchmarks.table import as_markdown, read_rows, replace_table, write_table
    from mmattn.costs.benchmarks.volume import compare_volumes

    args.device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    tables = [args.out] if args.out else []
    if args.command == 'gpu':
        args.out.mkdir(parents=True, exist_ok=True)
        tables = [args.out / 'gpu.csv', args.out / 'gpu.md']
    else:
        check_device(args.device)
    for table in tables:
        check_file('--out', table)
    page = getattr(args, 'page', None)
    if page:
        try:
            replace_table(page, args.command, [])
        except (OSError, ValueError) as error:
            raise InputError(f'--page {str(page)!r}: {one_line(error)}') from error
    if args.threads:
        torch.set_num_threads(args.threads)
    rows: list[Cells] = []
    if args.command == 'model' and args.resume:
        try:
            rows += [ModelRow(**cells) for cells in read_rows(args.out)]
        except TypeError as error:
            raise InputError(f'{args.out} is no table of `speed.py model`: {error}') from error
    code = 0
    try:
        commands = dict(ops=compare_ops, model=measure_models, epoch=measure_epochs, volume=compare_volumes)
        commands |= dict(gpu=measure_gpu, growth=measure_growth, backends=measure_backends)
        for new in commands[args.command](args, list(rows)):
            rows += new
            for table in tables:  # after each, so that an interrupted run keeps what it has
                write_table(rows, table)
            if page:
                replace_table(page, args.command, rows)
    except ValueError as error:
        raise InputError(one_line(error)) from error
    except KeyboardInterrupt:
        print('interrupted; what was measured is below', file=sys.stderr)
        code = 130
    print(f'PyTorch {torch.__version__}, {torch.get_num_threads()} threads; ratios are to the peer or the yardstick')
    if rows:
        print(as_markdown(rows))
    return code


if __name__ == '__main__':
    run_tool(main)
