"""Volume prediction beside a loop of MMSegmentation's ``inference_model`` over the same sections."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import segyio
import torch
from mmengine.config import Config, ConfigDict
from mmseg.apis import inference_model, init_model
from torch import nn

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.launch import load_config
from mmattn.costs.benchmarks.measure import synchronize
from mmattn.costs.benchmarks.table import Cells
from mmattn.evaluation import salt_probability
from mmattn.inference import VolumeOptions, VolumePrediction, predict_volume
from mmattn.inference.sections import choose_windows
from mmattn.seismic import estimate_clip, open_volume, scale_amplitude, to_grey
from mmattn.seismic.synthetic import make_volume


@dataclass(frozen=True)
class VolumeRow:
    """One comparison.

    Args:
        shape: inlines, crosslines, samples.
        window: height and width.
        overlap: share of a window.
        batch_size: windows a call of ours; the peer predicts one after the other.
        device: where both run.
        precision: of ours; the peer runs in float32.
        ours_s, peer_s: median seconds; ours from the file to the file, the peer from and to memory.
        throughput_ratio: the peer's seconds divided by ours, of wall-clock time.
        cpu_ratio: the same of the processor time of this process, which other processes disturb less.
        ours_traces_s: traces of the volume a second.
        network, reading, writing: shares of our time.
        mean_difference: mean absolute difference of probability; the peer averages logits, evenly weighted.
    """

    shape: str
    window: str
    overlap: str
    batch_size: str
    device: str
    precision: str
    ours_s: str
    peer_s: str
    throughput_ratio: str
    cpu_ratio: str
    ours_traces_s: str
    network: str
    reading: str
    writing: str
    mean_difference: str

    def cells(self) -> dict[str, str]:
        """The row by column."""
        return asdict(self)


def compare_volume(
    config: Config,
    checkpoint: str | None,
    shape: tuple[int, int, int],
    *,
    window: tuple[int, int] | None,
    overlap: float,
    batch_size: int,
    amp: bool,
    device: torch.device,
    repeats: int,
) -> VolumeRow:
    """Predicts a synthetic survey both ways in turns, every section of both directions.

    Args:
        config: the experiment; its model is built twice with the same weights.
        checkpoint: its weights, or None for random ones.
        shape: (num_ilines, num_xlines, num_samples) of the survey.
        window: (height, width), or None for the model's own.
        overlap: share of a window.
        batch_size: of ours.
        amp: mixed precision in ours.
        device: where both run.
        repeats: timed runs of each; the median counts.
    """
    torch.manual_seed(0)
    model = init_model(config, checkpoint, device=str(device))
    windows = choose_windows(model, window=window, overlap=overlap)
    options = VolumeOptions(
        ('iline', 'xline'), windows.window, stride=windows.stride, batch_size=batch_size, amp=amp, clip='survey'
    )
    slide = ConfigDict(mode='slide', crop_size=windows.window, stride=windows.stride)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, 'in.sgy'), Path(folder, 'out.sgy')
        segyio.tools.from_array3D(str(source), make_volume(shape, seed=0)[0], format=5, dt=4000)
        with open_volume(source) as volume:
            clip = estimate_clip(volume)
            cube = volume.slab('iline', 0, shape[0])
            grey = to_grey(scale_amplitude(cube, clip))
        ours: list[tuple[float, float]] = []
        peer: list[tuple[float, float]] = []
        results: list[VolumePrediction] = []
        for _ in range(repeats):
            out.unlink(missing_ok=True)
            ours.append(_timed(lambda: results.append(_predict(model, source, out, options)), device))
            model.test_cfg, kept = slide, model.test_cfg
            expected: list[np.ndarray] = []
            peer.append(_timed(lambda found=expected: found.append(_loop(model, grey)), device))
            model.test_cfg = kept
        with open_volume(out) as predicted:
            difference = float(np.abs(predicted.slab('iline', 0, shape[0]) - expected[0]).mean())
    return _row(shape, windows.window, overlap, batch_size, device, amp, ours, peer, results, difference)


def _predict(model: nn.Module, source: Path, out: Path, options: VolumeOptions) -> VolumePrediction:
    with open_volume(source) as volume:
        return predict_volume(model, volume, out, options=options)


def _loop(model: nn.Module, grey: np.ndarray) -> np.ndarray:
    """The sections of both directions one by one, as MMSegmentation's API is used."""
    total = np.zeros_like(grey)
    for number, section in enumerate(grey):
        total[number] += _section(model, section)
    for number in range(grey.shape[1]):
        total[:, number] += _section(model, np.ascontiguousarray(grey[:, number]))
    return total / 2


def _section(model: nn.Module, section: np.ndarray) -> np.ndarray:
    result = inference_model(model, np.ascontiguousarray(section.T))
    return salt_probability(result.seg_logits.data).cpu().numpy().T


def _timed(call: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Seconds of wall-clock and of processor time."""
    synchronize(device)
    wall, processor = time.perf_counter(), time.process_time()
    call()
    synchronize(device)
    return time.perf_counter() - wall, time.process_time() - processor


def _row(
    shape: tuple[int, int, int],
    window: tuple[int, int],
    overlap: float,
    batch_size: int,
    device: torch.device,
    amp: bool,
    ours: list[tuple[float, float]],
    peer: list[tuple[float, float]],
    results: list[VolumePrediction],
    difference: float,
) -> VolumeRow:
    walls, processors = ([statistics.median(times) for times in zip(*side)] for side in (ours, peer))
    ours_wall, ours_processor, peer_wall, peer_processor = *walls, *processors
    total = sum(sum(result.seconds.values()) for result in results)
    read, network, write = (
        f'{100 * sum(result.seconds[stage] for result in results) / total:.1f} %'
        for stage in ('read', 'network', 'write')
    )
    mixed = 'float16' if device.type == 'cuda' else 'bfloat16'
    return VolumeRow(
        'x'.join(map(str, shape)),
        'x'.join(map(str, window)),
        f'{overlap:g}',
        str(batch_size),
        device.type,
        mixed if amp else 'float32',
        f'{ours_wall:.1f}',
        f'{peer_wall:.1f}',
        f'{peer_wall / ours_wall:.2f}',
        f'{peer_processor / ours_processor:.2f}',
        f'{shape[0] * shape[1] / ours_wall:.0f}',
        network,
        read,
        write,
        f'{difference:.4f}',
    )


def compare_volumes(args: argparse.Namespace, done: list[Cells]) -> Iterator[list[Cells]]:
    """Yields the row that the command line asks for; ``done`` is empty."""
    config = load_config(args.config)
    replace_sync_bn(config.model)
    yield [
        compare_volume(
            config,
            args.checkpoint,
            tuple(args.shape),
            window=args.window and tuple(args.window),
            overlap=args.overlap,
            batch_size=args.batch_size,
            amp=args.amp,
            device=torch.device(args.device),
            repeats=args.repeats,
        )
    ]
