"""What a volume's prediction consists of: directions, blocks of lines, and what a resumed run must have in common."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.model import is_model_wrapper
from torch import nn

from mmattn.common.checks import check_number, check_shape, check_whole
from mmattn.inference.backends import add_weights, check_backend
from mmattn.inference.predictor import BATCH_SIZE
from mmattn.inference.scratch import Block, line_ranges
from mmattn.inference.sections import Windows, choose_windows

DIRECTIONS = ('iline', 'xline')
_MIB = 2**20
_LINES = 16  # in a block, about: few enough to share among processes and to lose little at an interruption


@dataclass(frozen=True)
class VolumeOptions:
    """How a volume is predicted.

    Args:
        directions: of 'iline' and 'xline'; None means both, or the only one that has sections of several traces.
        window: (height, width) in samples and traces; the model's own by default.
        overlap: share of a window that its neighbour covers too, 0 to 0.9; 0.25 by default.
        stride: (height, width) instead of the overlap.
        batch_size: windows a call of the network; batches are filled across the sections of a block, which are as many
            as it takes to fill whole ones.
        flip: also predict with the traces reversed.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU.
        backend: what computes, as of ``TilePredictor``.
        clip: the amplitude that becomes black or white: a number, 'survey' (estimated from this volume), 'checkpoint'
            (saved with the model), or None for the checkpoint's if it knows this volume and else the survey's.
        memory: MiB for the arrays that grow with a survey's lines. The network and one batch of windows come on top.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if an option is out of its range.
    """

    directions: tuple[str, ...] | None = None
    window: tuple[int, int] | None = None
    overlap: float | None = None
    stride: tuple[int, int] | None = None
    batch_size: int = BATCH_SIZE
    flip: bool = False
    amp: bool = False
    backend: str = 'torch'
    clip: float | str | None = None
    memory: float = 512

    def __post_init__(self) -> None:
        named = self.directions
        if named is not None and (not named or len(set(named)) < len(named) or not set(named) <= set(DIRECTIONS)):
            raise ValueError(f'directions must be iline, xline or both, got {named!r}')
        if not check_number('memory', self.memory) > 0:
            raise ValueError(f'memory must be a positive number of MiB, got {self.memory}')
        for name, size in (('window', self.window), ('stride', self.stride)):
            if size is not None:
                check_shape(name, size, smallest=(1, 1))
        if self.overlap is not None:
            check_number('overlap', self.overlap)
        check_whole('batch_size', self.batch_size, least=1)
        check_backend(self.backend, amp=self.amp)
        if isinstance(self.clip, str):
            if self.clip not in ('survey', 'checkpoint'):
                raise ValueError(f"clip must be a positive number, 'survey' or 'checkpoint', got {self.clip!r}")
        elif self.clip is not None and not (np.isfinite(self.clip) and self.clip > 0):
            raise ValueError(f"clip must be a positive number, 'survey' or 'checkpoint', got {self.clip!r}")


@dataclass(frozen=True)
class VolumePlan:
    """The work on one volume.

    Args:
        shape: (num_ilines, num_xlines, num_samples).
        directions: in which sections are cut.
        windows: how sections are cut.
        views: arrays that are kept of each direction: 1, or 2 where flipped predictions are kept apart for the spread.
        clip: amplitude that becomes black or white.
        block_lines: lines of a block of each direction.
        output_lines: inlines that are combined and written at a time.
    """

    shape: tuple[int, int, int]
    directions: tuple[str, ...]
    windows: Windows
    views: int
    clip: float
    block_lines: dict[str, int]
    output_lines: int

    @property
    def members(self) -> list[str]:
        """Names of the kept arrays; the prediction is their mean."""
        return [f'{direction}-{view}' for direction in self.directions for view in range(self.views)]

    @property
    def blocks(self) -> list[Block]:
        """All blocks, in order."""
        return [
            (direction, start, stop)
            for direction in self.directions
            for start, stop in line_ranges(self.shape[axis_of(direction)], self.block_lines[direction])
        ]


def axis_of(direction: str) -> int:
    """The axis of a volume along which a direction's lines follow each other."""
    return DIRECTIONS.index(direction)


def chunks_of(volume: object) -> tuple[int, ...]:
    """What a volume reads at once, () if it does not lie in chunks."""
    return getattr(volume, 'chunks', ())


def make_plan(
    model: nn.Module,
    shape: tuple[int, int, int],
    options: VolumeOptions,
    *,
    clip: float,
    keep_spread: bool,
    chunks: tuple[int, ...] = (),
) -> VolumePlan:
    """Decides what is computed; the same arguments give the same plan in every process.

    Args:
        model: the segmentor.
        shape: of the volume.
        options: what the user said.
        clip: the amplitude that ``options.clip`` stands for.
        keep_spread: whether predictions that go into a standard deviation are kept apart.
        chunks: (ilines, xlines, samples) of what the input reads at once, if it lies in chunks; blocks keep to them.

    Raises:
        ValueError: if the volume has no sections in a direction, or the memory does not hold one line.
    """
    possible = tuple(name for name in DIRECTIONS if shape[1 - axis_of(name)] > 1) or DIRECTIONS[:1]
    directions = possible if options.directions is None else options.directions
    for name in directions:
        if name not in possible:
            raise ValueError(f'direction {name}: its sections are one trace wide; this volume has {possible[0]} alone')
    views = 2 if options.flip and keep_spread else 1
    windows = choose_windows(model, window=options.window, overlap=options.overlap, stride=options.stride)
    block_lines = {}
    for name in directions:
        chunk = chunks[axis_of(name)] if chunks else 1
        most = _lines_of_batches(options.batch_size, windows_a_line(windows, shape, name))
        block_lines[name] = _fitting_lines(options.memory, name, shape, arrays=2 + views, most=most, chunk=chunk)
    return VolumePlan(
        tuple(shape),
        directions,
        windows,
        views,
        float(clip),
        block_lines,
        _fitting_lines(options.memory, 'iline', shape, arrays=4),
    )


def windows_a_line(windows: Windows, shape: tuple[int, int, int], direction: str) -> int:
    """Windows of one section of a direction."""
    across, down = windows.grid(shape[1 - axis_of(direction)], shape[2])
    return len(across.starts) * len(down.starts)


def _lines_of_batches(batch_size: int, per_line: int) -> int:
    """The fewest lines, ``_LINES`` at least, whose windows fill whole batches."""
    whole = batch_size // math.gcd(batch_size, per_line)
    return -(-_LINES // whole) * whole


def _fitting_lines(
    memory: float,
    direction: str,
    shape: tuple[int, int, int],
    *,
    arrays: int,
    most: int = _LINES,
    chunk: int = 1,
) -> int:
    """Lines, up to ``most``, of which so many float32 arrays fit the memory: whole chunks, where one fits."""
    line = 4 * arrays * shape[1 - axis_of(direction)] * shape[2]
    lines = int(memory * _MIB // line)
    if not lines:
        raise ValueError(f'memory of {memory:g} MiB does not hold one {direction}: at least {line / _MIB:.2g} MiB')
    if lines >= chunk > 1:
        return chunk * max(1, min(lines, most) // chunk)
    return min(lines, most)


def fingerprint(
    model: nn.Module, path: str, plan: VolumePlan, options: VolumeOptions, backend: str = 'torch'
) -> dict[str, object]:
    """Everything that decides the numbers of a prediction, by names for people.

    Args:
        model: the segmentor.
        path: the volume's file, '' in memory.
        plan: the work.
        options: what the user said.
        backend: what computes, with its version.
    """
    while is_model_wrapper(model):
        model = model.module
    device = next(model.parameters()).device.type
    return {
        'input': path if '://' in path else str(Path(path).resolve()) if path else 'in memory',
        **_file_state(path),
        'shape': plan.shape,
        'network': _digest(repr(model).encode()),
        'weights': _weights_digest(model),
        'directions': plan.directions,
        'window': plan.windows.window,
        'stride': plan.windows.stride,
        'lines a block': plan.block_lines,
        'batch size': options.batch_size,
        'flip': options.flip,
        'flipped kept apart': plan.views == 2,
        'amp': options.amp,
        'clip': plan.clip,
        'device': device,
        'threads': torch.get_num_threads() if device == 'cpu' else None,
        'PyTorch': torch.__version__,
        **({} if backend == 'torch' else {'backend': backend}),
    }


def _file_state(path: str) -> dict[str, object]:
    """Size and time of change of the input; of a folder (zarr) its own."""
    if not path or '://' in path:
        return {}
    state = Path(path).stat()
    return {'input bytes': state.st_size, 'input changed at': state.st_mtime_ns}


def _weights_digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    add_weights(digest, model)
    return digest.hexdigest()[:16]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
