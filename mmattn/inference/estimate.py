"""What a prediction will take: windows, bytes, memory, and time from a short probe on the device at hand."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mmattn.common.disk import in_words
from mmattn.inference.clip import choose_clip
from mmattn.inference.outputs import SEGY, Outputs
from mmattn.inference.plan import VolumeOptions, VolumePlan, axis_of, chunks_of, make_plan, windows_a_line
from mmattn.inference.predictor import TilePredictor
from mmattn.inference.prepared import make_predictor
from mmattn.inference.rehearsal import finish_seconds, look_seconds
from mmattn.inference.scratch import ScratchArray, line_ranges
from mmattn.inference.sections import predict_slab
from mmattn.seismic import Volume, scale_amplitude, to_grey

PROBE_SECONDS = 10.0
_LEAST_CALLS = 3  # of the network, however slow it is


@dataclass(frozen=True)
class Work:
    """What is to be done, before anything was.

    Args:
        windows: by direction; those of traces that are dead or missing count, too.
        calls: of the network, flips counted.
        read: bytes of the input that are read, all passes together.
        scratch: bytes of unfinished results beside the output, which go at the end.
        written: bytes of the outputs.
        memory: bytes for what grows with the survey's lines.
        seconds: by stage, of one process; empty where nothing was probed.
        shorter: what would shorten it, in words.
    """

    windows: dict[str, int]
    calls: int
    read: int
    scratch: int
    written: int
    memory: int
    seconds: dict[str, float] = field(default_factory=dict)
    shorter: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    def __str__(self) -> str:
        """A few lines for people."""
        windows = ' and '.join(f'{count:,} of {name}s' for name, count in self.windows.items())
        lines = [
            f'windows       {windows}, {self.calls:,} calls of the network',
            f'bytes         {in_words(self.read)} to read, {in_words(self.written)} to write, '
            f'{in_words(self.scratch)} of scratch files; memory {in_words(self.memory)} beside the network',
        ]
        if self.seconds:
            parts = ', '.join(f'{name} {_time(seconds)}' for name, seconds in self.seconds.items())
            lines.append(f'time          about {_time(self.total)} in one process: {parts}')
        lines += [f'shorter by    {way}' for way in self.shorter]
        return '\n'.join(['work', *(f'  {line}' for line in lines)])


def count_work(volume: Volume, plan: VolumePlan, outputs: Outputs, options: VolumeOptions) -> Work:
    """Counts what a plan asks for; reads nothing.

    Args:
        volume: the input.
        plan: of its prediction.
        outputs: what is written.
        options: how it is predicted.
    """
    cells = int(np.prod(plan.shape))
    stored = Path(volume.path).stat().st_size if volume.path and Path(volume.path).is_file() else 4 * cells
    windows, calls = {}, 0
    for direction in plan.directions:
        per_line = windows_a_line(plan.windows, plan.shape, direction)
        lines = plan.shape[axis_of(direction)]
        windows[direction] = per_line * lines
        for start, stop in line_ranges(lines, plan.block_lines[direction]):
            calls += -(-per_line * (stop - start) // options.batch_size) * (2 if options.flip else 1)
    sizes = {name: stored if path.suffix.lower() in SEGY else 4 * cells for name, path in outputs.files.items()}
    sizes.pop('report', None)
    segy = sum(path.suffix.lower() in SEGY for path in outputs.files.values())
    return Work(
        windows=windows,
        calls=calls,
        read=stored * (1 + len(plan.directions) + 2 * segy),
        scratch=4 * cells * len(plan.members) + (cells if outputs.needs_mask else 0),
        written=sum(sizes.values()),
        memory=round(options.memory * 2**20),
    )


def estimate_work(
    model: nn.Module, volume: Volume, outputs: Outputs, options: VolumeOptions, *, seconds: float = PROBE_SECONDS
) -> Work:
    """Counts, and measures a few blocks in the middle of the volume.

    Args:
        model: the segmentor.
        volume: the input.
        outputs: what is written; nothing is left of what the probe writes.
        options: how it is predicted.
        seconds: that the probe may take, about.

    Raises:
        ValueError: as ``predict_volume``.
    """
    outputs.check(volume)
    begin = time.perf_counter()
    clip, _ = choose_clip(model, volume, options.clip)
    plan = make_plan(
        model, volume.shape, options, clip=clip, keep_spread=outputs.needs_spread, chunks=chunks_of(volume)
    )
    work = count_work(volume, plan, outputs, options)
    predictor = make_predictor(model, volume, plan, options)
    took = dict.fromkeys(('start', 'look', 'read', 'network', 'write'), 0.0)
    took['start'] = time.perf_counter() - begin
    took['look'] = look_seconds(volume)
    for direction in plan.directions:
        for stage, time_taken in _probe(predictor, volume, plan, outputs, direction, seconds / len(plan.directions)):
            took[stage] += time_taken
    took['write'] += finish_seconds(volume, plan, outputs)
    shorter = _ways(work, plan, options, predictor.device.type, took)
    return Work(**{**vars(work), 'seconds': took, 'shorter': tuple(shorter)})


def _probe(
    predictor: TilePredictor, volume: Volume, plan: VolumePlan, outputs: Outputs, direction: str, seconds: float
) -> Iterator[tuple[str, float]]:
    """Seconds that a direction takes by stage, from blocks of it spread over the volume."""
    lines, height = plan.shape[axis_of(direction)], plan.block_lines[direction]
    blocks = list(line_ranges(lines, height))
    middle = sorted(blocks, key=lambda block: abs(block[0] - lines // 2))
    per_line = windows_a_line(plan.windows, plan.shape, direction)
    took, done, looked = dict(read=0.0, network=0.0, write=0.0), 0, 0
    batch = max(1, min(height, -(-_LEAST_CALLS * predictor.batch_size // per_line)))
    warm = False
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=outputs.scratch.absolute().parent) as folder:
        array = ScratchArray(Path(folder) / 'probe', plan.shape)
        for start, stop in middle:
            now = time.perf_counter()
            slab, _ = volume.slab_and_null(direction, start, stop)  # whole, as it is read
            for section in slab:
                section[...] = to_grey(scale_amplitude(section, plan.clip))
            took['read'] += time.perf_counter() - now
            looked += stop - start
            slab = slab[:batch]
            if not warm:  # the first call sets up what later ones use
                predict_slab(predictor, slab[:1], plan.windows, views=plan.views)
                warm = True
            now = time.perf_counter()
            probability = predict_slab(predictor, slab, plan.windows, views=plan.views)
            took['network'] += time.perf_counter() - now
            now = time.perf_counter()
            for values in probability:
                array.write(direction, start, values)
            array.sync()
            took['write'] += (time.perf_counter() - now) * len(slab) / height  # synchronised once a block
            done += len(slab)
            if time.perf_counter() - begin > seconds:
                break
        array.close()
    for stage, value in took.items():
        yield stage, value * lines / (looked if stage == 'read' else done)


def _ways(work: Work, plan: VolumePlan, options: VolumeOptions, device: str, took: dict[str, float]) -> Iterator[str]:
    """What would shorten the work, the most first."""
    if device == 'cpu' and torch.cuda.is_available():
        yield '--device cuda: there is a GPU'
    if device != 'cpu' and not options.amp:
        yield '--amp: mixed precision'
    if options.flip:
        yield '--flip left out: half of the network time'
    if len(plan.directions) == 2:
        slower = max(work.windows, key=work.windows.get)
        other = next(name for name in plan.directions if name != slower)
        share = work.windows[slower] / sum(work.windows.values())
        yield f'--direction {other} alone: {share:.0%} of the network time less'
    if options.stride is None and (options.overlap is None or options.overlap > 0.1):
        yield 'a smaller --overlap: fewer windows, and more of their borders show'
    if took['network'] > 0.5 * sum(took.values()):
        yield 'tools/dist_predict_segy.sh with N processes or GPUs: the network time by N'


def _time(seconds: float) -> str:
    if seconds < 120:
        return f'{seconds:.1f} s'
    return f'{seconds / 60:.1f} min' if seconds < 7200 else f'{seconds / 3600:.1f} h'
