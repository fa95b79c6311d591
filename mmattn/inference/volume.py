"""Whole volumes: predicted block by block in bounded memory, by one process or several, and resumable at any moment."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

import numpy as np
from torch import nn

from mmattn.common.disk import check_room
from mmattn.inference.clip import choose_clip
from mmattn.inference.description import data_warnings, describe_prediction
from mmattn.inference.finish import Finish
from mmattn.inference.outputs import SEGY, Outputs
from mmattn.inference.plan import VolumeOptions, VolumePlan, chunks_of, fingerprint, make_plan
from mmattn.inference.predictor import TilePredictor
from mmattn.inference.prepared import make_predictor
from mmattn.inference.ranks import on_first, rank_and_size, wait_for_all
from mmattn.inference.scratch import Block, Scratch
from mmattn.inference.sections import predict_slab
from mmattn.seismic import Volume, scale_amplitude, to_grey
from mmattn.seismic.volumes.amplitude import scan_amplitudes
from mmattn.seismic.volumes.volume import Scan


@dataclass
class VolumePrediction:
    """What a prediction did.

    Args:
        files: what was written, by output.
        changes: how each SEG-Y file differs from the input, in words, by output.
        clip: amplitude that became black or white.
        clip_source: where the clip comes from.
        directions: in which sections were predicted.
        resumed_blocks: blocks that an earlier run had finished.
        num_blocks: blocks of all runs and processes.
        num_bad_samples: samples of the input that are NaN or infinite; they are taken as 0.
        num_null_samples: samples of the input that are a null value; they are taken as 0, and their probability is 0.
        constant_traces: traces of the input that hold one value throughout, by the value; they are not predicted.
        cleaned: voxels that the clean-up changed.
        seconds: time of this process, by 'read', 'network', 'write' and 'report'.
        already_complete: whether an earlier run had written everything, and nothing was left to do.
        warnings: what about the probability should make its reader doubt it.
        backend: what computed: 'torch', or the name and version of another program.
    """

    files: dict[str, Path]
    clip: float
    clip_source: str
    directions: tuple[str, ...]
    num_blocks: int
    resumed_blocks: int
    num_bad_samples: int = 0
    num_null_samples: int = 0
    constant_traces: dict[float, int] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    cleaned: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: dict(read=0.0, network=0.0, write=0.0, report=0.0))
    already_complete: bool = False
    warnings: list[str] = field(default_factory=list)
    backend: str = 'torch'


def predict_volume(
    model: nn.Module,
    volume: Volume,
    outputs: Outputs | str | os.PathLike,
    *,
    options: VolumeOptions | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    about: Mapping[str, object] | None = None,
) -> VolumePrediction:
    """Predicts salt over a volume and writes it.

    The sections of each direction are predicted, the directions averaged. Results are kept in a folder beside the
    output, ``NAME.partial``, until everything is written; a run that ends earlier is resumed from there and gives the
    same files, bit for bit, as one that was not interrupted, and so do several processes. A network's rounding on a CPU
    depends on the threads of a process (``torch.set_num_threads``), so they must be as many as before.

    Args:
        model: a segmentor as ``mmseg.apis.init_model`` gives it.
        volume: as ``mmattn.seismic.open_volume`` gives it.
        outputs: what to write; a path means the probability alone.
        options: how to predict.
        resume: go on with an unfinished prediction, if there is one.
        progress: called with the stage ('predict' or the output that is written), what is done and the total.
        about: what a report is to say of the model beside what the model tells, by name: its config, its checkpoint.

    Returns:
        What was done.

    Raises:
        ValueError: if an option is wrong, or the unfinished prediction had others; if a live trace, any of them, holds
            what looks like a fill value.
        FileExistsError: if an output is there already, or an unfinished prediction and ``resume`` is not given.
        FileNotFoundError: if an output's folder is not there.
        OSError: if a disk has no room for what is to be written, before the work, or in it; what is predicted is kept.
    """
    options = VolumeOptions() if options is None else options
    outputs = outputs if isinstance(outputs, Outputs) else Outputs(outputs)
    progress = progress or (lambda stage, done, total: None)
    outputs.check(volume)
    clip, clip_source = on_first(lambda: choose_clip(model, volume, options.clip))
    plan = make_plan(
        model, volume.shape, options, clip=clip, keep_spread=outputs.needs_spread, chunks=chunks_of(volume)
    )
    if outputs.std is not None and len(plan.members) == 1:
        raise ValueError('std is the spread of several predictions: give both directions, or flip (--flip)')
    if options.backend != 'torch' and rank_and_size()[1] > 1:  # the first translates for all of them
        on_first(lambda: make_predictor(model, volume, plan, options).backend)
    predictor = make_predictor(model, volume, plan, options)
    scratch = Scratch(outputs.scratch)
    num_blocks = len(plan.blocks)
    identity = fingerprint(model, volume.path, plan, options, predictor.backend) | _null_values(volume)
    on_first(lambda: check_room(_wanted(volume, plan, outputs, scratch), 'the prediction'))
    if on_first(lambda: _begin(scratch, identity, outputs, resume)):
        done = (outputs.files, clip, clip_source, plan.directions, num_blocks, num_blocks)
        return VolumePrediction(*done, already_complete=True)
    try:
        finished = on_first(lambda: _finished(scratch, plan))
        result = VolumePrediction(outputs.files, clip, clip_source, plan.directions, num_blocks, len(finished))
        result.backend = predictor.backend
        with _timed(result, 'read'):
            scan = on_first(lambda: _scan(volume, scratch, keep=bool(finished)))
        live, result.num_bad_samples, result.num_null_samples, result.constant_traces = scan[:4]
        work = _Blocks(predictor, volume, live, plan, scratch, result)
        work.run([block for block in plan.blocks if block not in finished], progress)
        wait_for_all()
        with closing(Finish(volume, live, plan, scratch, outputs, progress)) as finish:
            _write_outputs(finish, result, describe_prediction(model, plan, outputs, options, result, about or {}))
        on_first(scratch.remove)
    finally:
        scratch.release()
    return result


def _scan(volume: Volume, scratch: Scratch, *, keep: bool) -> Scan:
    """Reads the input once; where traces hold fill values that the sample missed, no unfinished prediction is left."""
    try:
        return scan_amplitudes(volume)
    except ValueError:
        if not keep:
            scratch.remove()
        raise


def _wanted(volume: Volume, plan: VolumePlan, outputs: Outputs, scratch: Scratch) -> list[tuple[Path, int]]:
    """Folders, and bytes that are still to be written into them."""
    cells = int(np.prod(plan.shape))
    array = 4 * cells
    segy = Path(volume.path).stat().st_size if volume.path and Path(volume.path).is_file() else array
    members = len(plan.members) * array + (cells if outputs.needs_mask else 0)
    wanted = [(scratch.folder.absolute().parent, max(members - scratch.held(), 0))]
    for name, path in outputs.files.items():
        size = max(segy, array) if path.suffix.lower() in SEGY else array * (2 if name == 'zarr' else 1)
        if name != 'report' and not path.exists():
            wanted.append((path.absolute().parent, size))
    return wanted


def _null_values(volume: Volume) -> dict[str, object]:
    """What a resumed run must have in common besides the plan; nothing where there are no null values."""
    return {'null values': volume.null_value} if volume.null_value else {}


def _write_outputs(finish: Finish, result: VolumePrediction, sections: Mapping[str, Mapping[str, object]]) -> None:
    with _timed(result, 'write'):
        result.changes, result.cleaned = finish.write_all()
        result.warnings = on_first(finish.doubts)
    with _timed(result, 'report'):
        on_first(lambda: finish.report(sections, data_warnings(result)))


def _begin(scratch: Scratch, plan: dict[str, object], outputs: Outputs, resume: bool) -> bool:
    """Starts the prediction, or goes on with it; outputs may be there only if it had begun to write them.

    Returns:
        Whether an earlier run had written everything, and was interrupted while it cleaned up.
    """
    if resume and scratch.was_completed(plan) and not scratch.begun and len(outputs.existing()) == len(outputs.files):
        return True
    if not scratch.begun:
        _check_outputs(outputs, mine=set(), hint=', and nothing unfinished lies beside it to resume' if resume else '')
        scratch.begin(plan, resume=resume)
        return False
    scratch.begin(plan, resume=resume)
    try:
        mine = scratch.claimed()
        _check_outputs(outputs, mine)
        for path in mine:  # halves of outputs that the earlier run was writing
            for left in path.parent.glob(f'.{escape(path.name)}.*.part'):
                shutil.rmtree(left, ignore_errors=True)
    except BaseException:
        scratch.release()
        raise
    return False


def _check_outputs(outputs: Outputs, mine: set[Path], *, hint: str = '') -> None:
    existing = [path for path in outputs.existing() if path.resolve() not in mine]
    if existing:
        raise FileExistsError(f'{existing[0]} exists{hint}; give another name or remove it')


def _finished(scratch: Scratch, plan: VolumePlan) -> set[Block]:
    """The blocks that need not be predicted: those in the journals whose arrays are there in full.

    An array that is missing or cut would be filled up by zeros; its blocks leave the journals before it is made anew.
    """
    recorded = scratch.finished()
    blocks = recorded & set(plan.blocks)
    damaged = {name.split('-')[0] for name in plan.members if not scratch.is_whole(name, plan.shape)}
    kept = {block for block in blocks if block[0] not in damaged}
    if kept != recorded:
        scratch.keep_only(kept)
    return kept


class _Blocks:
    """Predicts blocks of lines into the scratch files."""

    def __init__(
        self,
        predictor: TilePredictor,
        volume: Volume,
        live: np.ndarray,
        plan: VolumePlan,
        scratch: Scratch,
        result: VolumePrediction,
    ) -> None:
        self.predictor, self.volume, self.plan, self.scratch = predictor, volume, plan, scratch
        self.live, self.result = live, result

    def run(self, pending: list[Block], progress: Callable[[str, int, int], None]) -> None:
        """Predicts this process's share of the pending blocks."""
        rank, size = rank_and_size()
        share = pending[rank::size]
        total = sum(self._num_traces(block) for block in share)
        done = 0
        arrays = {name: self.scratch.array(name, self.plan.shape) for name in self.plan.members}
        try:
            for block in share:
                self._predict(block, arrays)
                self.scratch.record(block, rank=rank)
                done += self._num_traces(block)
                progress('predict', done, total)
        finally:
            for array in arrays.values():
                array.close()

    def _predict(self, block: Block, arrays: dict) -> None:
        direction, start, stop = block
        with _timed(self.result, 'read'):
            slab, null = self.volume.slab_and_null(direction, start, stop)
            for section in slab:
                section[...] = to_grey(scale_amplitude(section, self.plan.clip))
        with _timed(self.result, 'network'):
            live = self.live[start:stop] if direction == 'iline' else self.live[:, start:stop].T
            probability = predict_slab(self.predictor, slab, self.plan.windows, live=live, views=self.plan.views)
            if null is not None:
                probability[:, null] = 0
        with _timed(self.result, 'write'):
            for view, values in enumerate(probability):
                array = arrays[f'{direction}-{view}']
                array.write(direction, start, values)
                array.sync()

    def _num_traces(self, block: Block) -> int:
        direction, start, stop = block
        return int(np.count_nonzero(self.live[start:stop] if direction == 'iline' else self.live[:, start:stop]))


@contextmanager
def _timed(result: VolumePrediction, stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        result.seconds[stage] += time.perf_counter() - start
