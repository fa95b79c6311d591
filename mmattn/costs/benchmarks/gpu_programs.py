"""Training and volume prediction on a GPU: rates, how busy it is, and what is lost beside the network alone."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from mmengine.config import Config
from mmseg.apis import init_model
from torch.profiler import ProfilerActivity, profile

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.device_augmentation import move_augmentation
from mmattn.cli.launch import load_config
from mmattn.costs.benchmarks.epoch import endless, measure_epoch, prepare_training, train_step
from mmattn.costs.benchmarks.gpu import Case, GpuRow, Setting, judged
from mmattn.costs.benchmarks.gpu_device import best_seconds
from mmattn.costs.benchmarks.volume import compare_volume
from mmattn.inference import TilePredictor, VolumeOptions
from mmattn.inference.plan import make_plan, windows_a_line

TRAINED = ('ccnet_salt', 'umixformer_salt', 'salt_best')
PREDICTED = 'salt_best'
_ITERATIONS = 30
_BUSY_ITERATIONS = 10


def training_cases(setting: Setting) -> Iterator[Case]:
    """Yields the training of each network: as its config says, and mixed, channels last, augmented on the device."""
    for fast in (True, False):
        for name in TRAINED[-1:] if setting.rehearsal else TRAINED:
            precision = 'amp' if fast and setting.device.type == 'cuda' else 'float32'
            label = GpuRow('training', name, precision=precision, layout='NHWC' if fast else 'NCHW', unit='images/s')
            yield label, partial(_train, setting, label, fast)


def _train(setting: Setting, label: GpuRow, fast: bool) -> Iterator[GpuRow]:
    config = load_config(label.what)
    if fast:
        move_augmentation(config, label.what)
    if setting.rehearsal:
        loader = dict(batch_size=2, num_workers=0, persistent_workers=False)
        config.train_dataloader.update(loader)
        config.train_dataloader.dataset.update(num_sections=4)
    amp = label.precision == 'amp'
    options = dict(device=setting.device, amp=amp, channels_last=fast)
    row = measure_epoch(config, label.what, iterations=1 if setting.rehearsal else _ITERATIONS, **options)
    label = replace(
        label, size=f'batch {row.batch}', note=f'augmented by the {row.augmentation}, {row.workers} workers'
    )
    yield replace(label, work='network alone', ours=row.model)
    ratio = float(row.both) / float(row.model)
    both = replace(label, work='with loading', ours=row.both, peer='network alone', theirs=row.model)
    yield replace(both, ratio=f'{ratio:.2f}')
    if setting.device.type == 'cuda':
        share = busy_share(config, **options)
        yield judged(replace(label, work='busy', ours=f'{share:.2f}', unit='of the time'), share, least=0.8)


def busy_share(config: Config, *, device: torch.device, amp: bool, channels_last: bool) -> float:
    """Returns the share of the time in which a GPU runs a kernel or a copy, in training steps with loading."""
    model, wrapper, loader = prepare_training(config, device=device, amp=amp, channels_last=channels_last)
    batches = endless(loader)
    for _ in range(3):
        train_step(model, wrapper, next(batches))
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
        for _ in range(_BUSY_ITERATIONS):
            train_step(model, wrapper, next(batches))
        torch.cuda.synchronize(device)
    kernels = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return covered([(event.time_range.start, event.time_range.end) for event in kernels])


def covered(ranges: list[tuple[float, float]]) -> float:
    """Returns the share of the time from the first start to the last end that ranges cover; 0 where there are none."""
    if not ranges:
        return 0.0
    ranges = sorted(ranges)
    begin, total, until = ranges[0][0], 0.0, ranges[0][0]
    for start, end in ranges:
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total / (until - begin) if until > begin else 0.0


def volume_cases(setting: Setting) -> Iterator[Case]:
    """Yields the prediction of a survey, at a few batch sizes, the largest first."""
    shape = (4, 16, 40) if setting.rehearsal else (200, 200, 256)
    precision = 'float32' if setting.rehearsal else 'float16'
    for batch_size in (8,) if setting.rehearsal else (64, 256, 8):
        size = f'{"x".join(map(str, shape))}, batch {batch_size}'
        label = GpuRow('volume', PREDICTED, size, precision, 'NHWC', 'SEG-Y to SEG-Y')
        yield label, partial(_predict, setting, label, shape, batch_size)


def _predict(setting: Setting, label: GpuRow, shape: tuple[int, int, int], batch_size: int) -> Iterator[GpuRow]:
    config, amp = load_config(PREDICTED), not setting.rehearsal
    replace_sync_bn(config.model)
    row = compare_volume(
        config,
        None,
        shape,
        window=(32, 32) if setting.rehearsal else None,
        overlap=0.25,
        batch_size=batch_size,
        amp=amp,
        device=setting.device,
        repeats=1 if setting.rehearsal else 2,
    )
    seconds, loop = float(row.ours_s), float(row.peer_s)
    loops = replace(
        label, ours=f'{seconds:.2f}', peer="loop of mmseg's inference_model", theirs=f'{loop:.2f}', unit='s'
    )
    shares = f'network {row.network}, reading {row.reading}, writing {row.writing}'
    yield judged(replace(loops, ratio=f'{seconds / loop:.3f}', note=shares), seconds / loop, most=0.2)
    model = init_model(config, None, device=str(setting.device))
    predictor = TilePredictor(model, batch_size=batch_size, amp=amp)
    options = VolumeOptions(window=(32, 32) if setting.rehearsal else None, batch_size=batch_size)
    plan = make_plan(model, shape, options, clip=1.0, keep_spread=False)
    lines = {'iline': shape[0], 'xline': shape[1]}
    count = sum(windows_a_line(plan.windows, shape, name) * lines[name] for name in plan.directions)
    height, width = plan.windows.window
    tiles = np.full((batch_size, width, height), 128, np.float32)
    alone = batch_size / best_seconds(lambda: predictor(tiles), setting.device)
    whole = count / seconds
    rates = replace(label, ours=f'{whole:.0f}', peer='network alone', theirs=f'{alone:.0f}', unit='windows/s')
    yield judged(replace(rates, ratio=f'{whole / alone:.2f}'), whole / alone, least=0.9)
