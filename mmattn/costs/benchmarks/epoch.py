"""What an epoch takes beside the pure model: the loader alone, training steps on random tensors alone, and both."""

import argparse
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn
from torch.utils.data import DataLoader

from mmattn.cli.amp import amp_options
from mmattn.cli.device import fit_to_device
from mmattn.cli.device_augmentation import move_augmentation
from mmattn.cli.launch import load_config
from mmattn.cli.progress import tracked
from mmattn.common.errors import InputError
from mmattn.costs.benchmarks.measure import synchronize

_WARM_UP = 3  # iterations before the clock starts
_LOADER_SECONDS = 2.0  # at least, so that batches that wait ready count little


@dataclass(frozen=True)
class EpochRow:
    """One experiment.

    Args:
        config: its name.
        device: of the model.
        precision: float32, or amp for mixed precision.
        layout: of the model's weights and maps, NCHW or NHWC (channels last).
        augmentation: where sections are scaled, cropped and flipped: in the loader, or on the device.
        workers: processes that load.
        batch: sections an iteration.
        iterations: timed of each kind, of the loader at least two seconds.
        loader: sections a second that the loader gives when nothing else is done.
        model: sections a second of training steps on one batch of random tensors.
        both: sections a second of training, loading included.
        ratio: time of an epoch over that of the pure model.
    """

    config: str
    device: str
    precision: str
    layout: str
    augmentation: str
    workers: str
    batch: str
    iterations: str
    loader: str
    model: str
    both: str
    ratio: str

    def cells(self) -> dict[str, str]:
        """The row by column."""
        names = dict(loader='loader images/s', model='model images/s', both='both images/s', ratio='epoch / pure model')
        return {names.get(name, name): value for name, value in asdict(self).items()}


def measure_epochs(args: argparse.Namespace, done: list) -> Iterator[list[EpochRow]]:
    """Yields the row of one config after the other; ``done`` is empty.

    Raises:
        InputError: for a wrong option or config.
    """
    device = torch.device(args.device)
    if args.iterations < 1 or (args.workers is not None and args.workers < 0):
        raise InputError(f'--iterations must be positive, --workers not below 0: {args.iterations}, {args.workers}')
    if args.amp and device.type == 'cpu' and torch.cuda.is_available():
        raise InputError('--amp on a CPU: hide the GPU by CUDA_VISIBLE_DEVICES=')
    if args.amp:
        amp_options()  # an error where there is none
    for name in args.configs:
        config = load_config(name)
        if args.augment_on_device:
            move_augmentation(config, name)
        if args.workers is not None:
            config.train_dataloader.update(num_workers=args.workers, persistent_workers=args.workers > 0)
        options = dict(device=device, amp=args.amp, channels_last=args.channels_last, iterations=args.iterations)
        yield [measure_epoch(config, Path(name).stem, **options)]


def measure_epoch(
    config: Config, name: str, *, device: torch.device, amp: bool, channels_last: bool, iterations: int
) -> EpochRow:
    """Measures one experiment.

    The pure model is timed before and after what it is compared with, half of the iterations each, so that a machine
    that changes its pace meets both alike.

    Args:
        config: with ``train_dataloader``, ``model`` and ``optim_wrapper``.
        name: for the row.
        device: of the model.
        amp: mixed precision.
        channels_last: whether weights and maps lie in memory as NHWC.
        iterations: timed of each kind.
    """
    model, wrapper, loader = prepare_training(config, device=device, amp=amp, channels_last=channels_last)
    batches = endless(loader)
    step = pure_step(model, wrapper, next(batches))
    half = -(-iterations // 2)
    alone = timed(lambda: len(next(batches)['inputs']), iterations, device, f'{name}: loader', seconds=_LOADER_SECONDS)
    before = timed(step, half, device, f'{name}: model')
    both = timed(lambda: train_step(model, wrapper, next(batches)), iterations, device, f'{name}: both')
    after = timed(step, half, device, f'{name}: model')
    pure = 2 / (1 / before + 1 / after)
    return EpochRow(
        config=name,
        device=torch.cuda.get_device_name(device) if device.type == 'cuda' else device.type,
        precision='amp' if amp else 'float32',
        layout='NHWC' if channels_last else 'NCHW',
        augmentation='device' if (config.model.get('data_preprocessor') or {}).get('augment') else 'loader',
        workers=str(loader.num_workers),
        batch=str(config.train_dataloader.batch_size),
        iterations=str(iterations),
        loader=f'{alone:.1f}',
        model=f'{pure:.1f}',
        both=f'{both:.1f}',
        ratio=f'{pure / both:.2f}',
    )


def prepare_training(
    config: Config, *, device: torch.device, amp: bool, channels_last: bool
) -> tuple[nn.Module, OptimWrapper, DataLoader]:
    """Builds an experiment's model on a device, its optimiser and its loader; the config stays as it is."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    config = deepcopy(config)
    fit_to_device(config, amp=amp)
    torch.manual_seed(0)
    model = revert_sync_batchnorm(MODELS.build(config.model)).to(device).train()
    if channels_last:  # maps follow the weights
        model = model.to(memory_format=torch.channels_last)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    return model, wrapper, Runner.build_dataloader(config.train_dataloader, seed=0)


def endless(loader: DataLoader) -> Iterator[dict]:
    """Goes through a loader's batches again and again."""
    while True:
        yield from loader


def train_step(model: nn.Module, wrapper: OptimWrapper, batch: dict) -> int:
    """Trains on a batch as a runner does, and returns its size."""
    model.train_step(batch, wrapper)
    return len(batch['inputs'])


def pure_step(model: nn.Module, wrapper: OptimWrapper, batch: dict) -> Callable[[], int]:
    """Returns a training step on random tensors of a batch's shape, without loading, transfer and preprocessing."""
    data = model.data_preprocessor(batch, True)
    inputs = torch.randn_like(data['inputs'])
    for sample in data['data_samples']:
        sample.gt_sem_seg.data = torch.randint_like(sample.gt_sem_seg.data, model.num_classes)

    def step() -> int:
        with wrapper.optim_context(model):
            losses = model(inputs, data['data_samples'], mode='loss')
        wrapper.update_params(model.parse_losses(losses)[0])
        return len(inputs)

    return step


def timed(
    work: Callable[[], int], iterations: int, device: torch.device, description: str, *, seconds: float = 0.0
) -> float:
    """Returns the images a second of ``work``, which returns how many it did, after a few untimed calls.

    Args:
        work: an iteration.
        iterations: at least as many are timed.
        device: that has to be done before the clock stops.
        description: of the progress bar.
        seconds: at least as long is timed.
    """
    for _ in range(_WARM_UP):
        work()
    synchronize(device)
    start, images = time.perf_counter(), 0
    for _ in tracked(range(iterations), description):
        images += work()
    while time.perf_counter() - start < seconds:
        images += work()
    synchronize(device)
    return images / (time.perf_counter() - start)
