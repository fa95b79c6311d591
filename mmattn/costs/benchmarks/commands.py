"""The command line of ``tools/speed.py``: what each comparison may be asked, told without PyTorch."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mmattn.cli.command_line import ON_DEVICE
from mmattn.common.names import BACKENDS

DTYPES = 'float32', 'bfloat16', 'float16'
OTHER_BACKENDS = tuple(name for name in BACKENDS if name not in ('auto', 'torch'))
SIDES = 32, 64, 128, 256
WORK = 'forward', 'step'


class LateNames:
    """Choices of an option that are read once they are asked for, since what has them imports PyTorch.

    Args:
        read: returns them.
    """

    def __init__(self, read: Callable[[], Iterable[str]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __contains__(self, name: object) -> bool:
        return name in self._read()


def _peers() -> Iterable[str]:
    from mmattn.costs.benchmarks.published import PEERS

    return PEERS


def _heads() -> Iterable[str]:
    from mmattn.costs.benchmarks.networks import HEADS

    return HEADS


def _layers() -> Iterable[str]:
    from mmattn.attention import list_attention

    return list_attention()


OPS, HEADS, LAYERS = LateNames(_peers), LateNames(_heads), LateNames(_layers)


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds the comparisons.

    Args:
        commands: of the parser; each gets ``repeats``, ``threads``, ``out`` and ``device``, whose None is a GPU if
            there is one.
    """
    for command in (_add_ops(commands), _add_model(commands), _add_volume(commands)):
        _add_device(command)
        repeats = command.get_default('repeats') or 10
        command.add_argument('--repeats', type=int, default=repeats, help='timed calls of each; the median counts')
        _add_common(command)
    for command in (_add_growth(commands), _add_backends(commands)):
        _add_common(command)
        command.add_argument('--page', type=Path, help='document with a part for this table, which is replaced')
    _add_common(_add_epoch(commands))
    _add_gpu(commands)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--device', help='cpu, cuda or cuda:N; a GPU if there is one by default')


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--threads', type=int, help="CPU threads; PyTorch's choice by default")
    parser.add_argument('--out', type=Path, help='file for the table: .md or .csv')


def _add_ops(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('ops', help='attention layers against those of mmcv, mmseg and the papers')
    parser.add_argument('--ops', nargs='+', choices=OPS, metavar='OP', help='%(choices)s; all')
    parser.add_argument('--size', nargs=4, type=int, default=[1, 512, 97, 97], metavar=('B', 'C', 'H', 'W'))
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='of weights and maps')
    return parser


def _add_model(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('model', help='decode heads and whole networks: forward and training step')
    heads = 'heads on random maps: %(choices)s'
    parser.add_argument('--heads', nargs='+', choices=HEADS, metavar='HEAD', default=[], help=heads)
    parser.add_argument('--configs', nargs='+', default=[], help='experiments, backbone and head')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        action='append',
        metavar=('H', 'W'),
        help='of the images, may be given several times; 512 512 for heads, what a config trains on for configs',
    )
    parser.add_argument('--batch', type=int, default=1, help='images at a time')
    parser.add_argument('--dtype', nargs='+', choices=DTYPES, default=['float32'], help='autocast below float32')
    parser.add_argument('--work', nargs='+', choices=WORK, default=list(WORK))
    parser.add_argument('--resume', action='store_true', help='keep what the csv table of --out holds already')
    return parser


def _add_volume(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('volume', help="volume prediction against a loop of mmseg's inference_model")
    parser.add_argument('--config', default='configs/ccnet_salt.py', help='whose model predicts')
    parser.add_argument('--checkpoint', help='its weights; random ones by default')
    parser.add_argument('--shape', nargs=3, type=int, default=[64, 128, 256], metavar=('I', 'X', 'S'))
    parser.add_argument('--window', nargs=2, type=int, metavar=('H', 'W'), help="the model's own by default")
    parser.add_argument('--overlap', type=float, default=0.25)
    parser.add_argument('--batch-size', type=int, default=8, help='of ours')
    parser.add_argument('--amp', action='store_true', help='mixed precision in ours')
    parser.set_defaults(repeats=3)
    return parser


def _add_growth(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('growth', help='time and memory of layers at rising sizes, for docs/speed.md')
    parser.add_argument('--layers', nargs='+', choices=LAYERS, metavar='LAYER', help='%(choices)s; all')
    parser.add_argument('--channels', type=int, default=128)
    parser.add_argument('--sides', nargs='+', type=int, default=list(SIDES), help='of square maps')
    parser.add_argument('--peer-side', type=int, default=64, help='of the maps on which peers are measured')
    parser.add_argument('--longest', type=float, default=10.0, help='seconds of a call; larger sides are left out')
    parser.set_defaults(device='cpu', repeats=1)
    return parser


def _add_backends(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('backends', help='prediction by onnxruntime and OpenVINO beside PyTorch, on the CPU')
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='experiments, by name or file')
    parser.add_argument('--backends', nargs='+', choices=OTHER_BACKENDS, default=list(OTHER_BACKENDS))
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--window', nargs=2, type=int, metavar=('H', 'W'), help="the model's own by default")
    parser.add_argument('--repeats', type=int, default=9, help='timed calls of each; the median counts')
    parser.set_defaults(device='cpu')
    return parser


def _add_epoch(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    parser = commands.add_parser('epoch', help='time of an epoch beside that of the pure model')
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--iterations', type=int, default=50, help='timed of the loader, the model and both')
    parser.add_argument('--workers', type=int, help="processes that load; the config's by default")
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument('--augment-on-device', action='store_true', help=ON_DEVICE)
    parser.add_argument('--channels-last', action='store_true', help='weights and maps in memory as NHWC')
    _add_device(parser)
    parser.set_defaults(repeats=1)
    return parser


def _add_gpu(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser('gpu', help='everything about a GPU in a few minutes, one row after the other')
    parser.add_argument('--minutes', type=float, default=8.0, help='time for all of it')
    parser.add_argument('--rehearse', action='store_true', help='on the CPU at small sizes: the code, not the figures')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for gpu.csv and gpu.md')
    parser.set_defaults(device=None, repeats=1, threads=None)
