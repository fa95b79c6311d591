"""How long a prediction takes beside its network: the same work on some lines, timed."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmattn.inference.outputs import SEGY, Outputs, write_volume, write_zarr
from mmattn.inference.plan import VolumePlan
from mmattn.inference.scratch import ScratchArray
from mmattn.seismic import ArrayVolume, SegyVolume, Volume
from mmattn.seismic.segy.copying import rehearse_copy
from mmattn.seismic.volumes.amplitude import sample_traces
from mmattn.seismic.volumes.fill_search import FillSearch
from mmattn.seismic.volumes.fill_values import is_live
from mmattn.seismic.volumes.zarr_arrays import STORES

_LINES, _LOOK = 16, 1.0


def look_seconds(volume: Volume) -> float:
    """Seconds of the first look at a volume, in which all of it is read, from a second of it."""
    begin = time.perf_counter()
    search = FillSearch(sample_traces(volume))
    prepared = time.perf_counter()
    done = 0
    for _, values, _ in volume.scan_blocks():
        live = is_live(values)
        search.add(values if live.all() else values[live])
        done += len(values)
        if time.perf_counter() - prepared > _LOOK:
            break
    places = volume.shape[0] * volume.shape[1]
    return prepared - begin + (time.perf_counter() - prepared) * max(1.0, places / max(1, done))


def finish_seconds(volume: Volume, plan: VolumePlan, outputs: Outputs) -> float:
    """Seconds of combining and writing all outputs; of SEG-Y also of reading them again and comparing."""
    lines = min(plan.output_lines, plan.shape[0], _LINES)
    samples = volume.slab_and_null('iline', 0, lines)[0]
    members = len(plan.members)
    with tempfile.TemporaryDirectory(dir=outputs.scratch.absolute().parent) as name:
        folder = Path(name)
        member = ScratchArray(folder / 'member', samples.shape)
        member.write('iline', 0, samples)
        combine = _seconds(lambda: _combine(member, members, lines))
        member.close()
        writes: dict[str, float] = {}
        took = 2 * combine if outputs.needs_mask else 0.0
        for output, path in outputs.files.items():
            arrays = 2 if output == 'zarr' and members > 1 else 1
            if output == 'report':
                continue
            kind = path.suffix.lower()
            if kind not in writes:
                writes[kind] = _seconds(lambda kind=kind: _write(volume, samples, folder / f'rehearsal{kind}', plan))
            took += arrays * writes[kind] + (3 if output in ('std', 'zarr') and members > 1 else 1) * combine
    return took * plan.shape[0] / lines


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _combine(member: ScratchArray, members: int, lines: int) -> None:
    total = member.read(0, lines)
    for _ in range(members - 1):
        total += member.read(0, lines)
    total /= members
    total[np.zeros(total.shape[:2], bool)] = 0


def _write(volume: Volume, samples: np.ndarray, path: Path, plan: VolumePlan) -> None:
    """Writes some lines as all are written."""
    if path.suffix in SEGY and isinstance(volume, SegyVolume):
        positions = volume.positions(slice(0, len(samples)), slice(None)).ravel()
        here = positions >= 0
        rehearse_copy(volume, path, positions[here], samples.reshape(-1, samples.shape[2])[here])
        return
    part = ArrayVolume(samples)
    if path.suffix in STORES:
        write_zarr(part, path, {'probability': lambda start, stop: samples[start:stop]}, lines=plan.output_lines)
        return
    write_volume(part, path, [(0, samples)], text_line='')
