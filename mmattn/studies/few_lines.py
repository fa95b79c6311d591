"""A few labelled lines of a survey: trained on for some minutes, predicted, and asked which lines to label next."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from torch import nn

from mmattn.common.errors import InputError
from mmattn.common.resources import find_config
from mmattn.datasets.segy_salt import SegySaltDataset
from mmattn.engine.hooks import FiniteLossHook, TimeBudgetHook
from mmattn.inference import Outputs, VolumeOptions, VolumePrediction, predict_volume
from mmattn.inference.doubtful_lines import DoubtfulLine, doubtful_lines
from mmattn.seismic import Volume, estimate_clip, open_volume
from mmattn.seismic.opening import OWN_OPTIONS, is_array
from mmattn.seismic.volumes.labelled_lines import labelled_lines, runs
from mmattn.seismic.volumes.labels import IGNORED, LabelValues, check_same_grid
from mmattn.studies.starts import mix_in, quietly, weights_of

VALUES = LabelValues(ignore_value=IGNORED)
_DATA = 'ccnet_segy'  # whose training pipeline is taken
_WINDOW, _STRIDE = (160, 160), (80, 80)
_WORKERS = 2  # where a GPU waits for data

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Lines:
    """A survey with a label.

    Args:
        amplitude, label: paths.
        options: of ``open_volume``, for both; options of SEG-Y files alone.
        clip: amplitude of black and white; None estimates it.
    """

    amplitude: str
    label: str
    options: Mapping[str, object] = field(default_factory=dict)
    clip: float | None = None


@dataclass
class Training:
    """What a training did: its iterations, seconds and losses, and whether it was ended by Ctrl-C."""

    iterations: int
    seconds: float
    losses: list[float]
    interrupted: bool


def train_on_lines(
    segmentor: nn.Module,
    lines: Lines,
    found: Mapping[str, np.ndarray],
    *,
    minutes: float,
    work_dir: str | os.PathLike,
    learning_rate: float,
    head: float = 1.0,
    keep: float = 0.0,
    batch_size: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Training:
    """Trains a network in place on the labelled lines; Ctrl-C ends it and keeps what is trained.

    Args:
        segmentor: of :func:`mmattn.studies.starts.choose_start`.
        lines: the survey.
        found: positions of labelled lines by direction, see ``labelled_lines``.
        minutes: of training.
        work_dir: for what mmengine writes.
        learning_rate, head, keep: see :class:`mmattn.studies.starts.Start`.
        batch_size, seed: of the training.
        progress: see :class:`mmattn.engine.hooks.TimeBudgetHook`.
        clock: of the minutes.

    Raises:
        ValueError: if no line is labelled, or the survey and the label do not go together.
    """
    dataset = _dataset(lines, found, _channels(segmentor))
    if not len(dataset):
        raise ValueError(f'no window of the labelled lines of {lines.label} has a label')
    budget = TimeBudgetHook(minutes, progress=progress, clock=clock)
    rates = dict(learning_rate=learning_rate, head=head)
    runner = _runner(segmentor, dataset, budget, work_dir, batch_size=batch_size, seed=seed, **rates)
    before = weights_of(segmentor)
    start, interrupted = time.perf_counter(), False
    try:
        with quietly():
            runner.train()
    except KeyboardInterrupt:
        interrupted = True
    mix_in(segmentor, before, keep)
    segmentor.eval()
    segmentor.dataset_meta = dict(dataset.metainfo)
    return Training(len(budget.losses), time.perf_counter() - start, budget.losses, interrupted)


def _runner(
    segmentor: nn.Module,
    dataset: SegySaltDataset,
    budget: TimeBudgetHook,
    work_dir: str | os.PathLike,
    *,
    learning_rate: float,
    head: float,
    batch_size: int,
    seed: int,
) -> Runner:
    has_gpu = torch.cuda.is_available()
    loader = dict(
        batch_size=batch_size,
        num_workers=_WORKERS if has_gpu else 0,
        persistent_workers=has_gpu,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dataset,
    )
    optimizer = dict(type='AdamW', lr=learning_rate, weight_decay=1e-2)
    return Runner(
        model=segmentor,
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=10**9, val_interval=10**9),
        optim_wrapper=dict(
            type='OptimWrapper',
            optimizer=optimizer,
            clip_grad=dict(max_norm=5.0),
            paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=head), 'conv_seg.bias': dict(lr_mult=head**2)}),
        ),
        default_hooks=dict.fromkeys(('logger', 'checkpoint', 'param_scheduler', 'timer')),
        custom_hooks=[budget, FiniteLossHook()],
        randomness=dict(seed=seed),
        default_scope='mmseg',
        log_level='ERROR',
    )


def find_lines(lines: Lines) -> dict[str, np.ndarray]:
    """Finds the labelled lines of a survey.

    Raises:
        InputError: if there are none.
        FileNotFoundError, ValueError: if there is no label, or it is on another grid.
    """
    with (
        open_volume(lines.amplitude, **lines.options) as volume,
        open_volume(lines.label, **_of_others(lines.label, lines.options)) as label,
    ):
        check_same_grid(volume, label)
        found = labelled_lines(label, VALUES)
    if not any(len(positions) for positions in found.values()):
        raise InputError(
            f'{lines.label} has no labelled line: paint salt and not salt on some (mmattn view {lines.amplitude} '
            f'--label {lines.label})'
        )
    return found


def predict_lines(
    segmentor: nn.Module,
    lines: Lines,
    outputs: Outputs,
    found: Mapping[str, np.ndarray],
    *,
    count: int,
    progress: Progress | None = None,
) -> tuple[VolumePrediction, list[DoubtfulLine]]:
    """Predicts the volume in both directions (of a 2-D line the line and its mirror), and suggests lines to label.

    Args:
        segmentor: a trained one.
        lines: the survey.
        outputs: with a probability and a std.
        found: positions of labelled lines by direction.
        count: of lines to suggest.
        progress: see ``predict_volume``.
    """
    with open_volume(lines.amplitude, **lines.options) as volume:
        flip = len(found) == 1 or 1 in volume.shape[:2]
        given = VolumeOptions(flip=flip, clip=_clip(lines, volume))
        result = predict_volume(segmentor, volume, outputs, options=given, progress=progress)
        live = volume.live
    kept = _of_others(outputs.probability, lines.options)
    with (
        open_volume(outputs.probability, **kept) as probability,
        open_volume(outputs.std, **kept) as std,
    ):
        return result, doubtful_lines(probability, std, found, count=count, live=live)


def _channels(segmentor: nn.Module) -> int:
    """Channels that a network takes: the grey values of a section once, or three times."""
    first = next((module for module in segmentor.modules() if isinstance(module, nn.Conv2d)), None)
    channels = 1 if first is None else first.in_channels
    if channels not in (1, 3):
        raise ValueError(f'the network takes {channels} input channels; a section gives 1 (or 3 alike)')
    return channels


def _three_alike(results: dict) -> dict:
    """A step of a pipeline: the grey values in three channels."""
    return results | dict(img=np.repeat(np.atleast_3d(results['img']), 3, axis=2))


def _dataset(lines: Lines, found: Mapping[str, np.ndarray], channels: int) -> SegySaltDataset:
    """The windows of the labelled lines."""
    pipeline = list(Config.fromfile(find_config(_DATA)).train_pipeline)
    if channels == 3:
        pipeline.insert(-1, _three_alike)
    options = dict(lines.options)
    with open_volume(lines.amplitude, **options) as volume:
        clip = _clip(lines, volume)
        numbers = dict(iline=volume.ilines, xline=volume.xlines)
        volumes = []
        for direction, positions in found.items():
            for first, last in runs(positions):
                span = [int(numbers[direction][first]), int(numbers[direction][last])]
                name = f'{volume.name} {direction} {span[0]} to {span[1]}'
                place = dict(direction='iline' if volume.is_2d else direction, name=name)
                if not volume.is_2d:
                    place['lines'] = span
                volumes.append(dict(amplitude=lines.amplitude, label=lines.label, clip=clip, **place, **options))
    settings = dict(ignore_value=IGNORED, yes=True)
    init_default_scope('mmseg')
    with quietly():
        return DATASETS.build(
            dict(
                type='SegySaltDataset',
                volumes=[one | settings for one in volumes],
                window=_WINDOW,
                stride=_STRIDE,
                skip_unlabelled=True,
                pipeline=pipeline,
            )
        )


def _clip(lines: Lines, volume: Volume) -> float:
    return float(estimate_clip(volume)) if lines.clip is None else lines.clip


def _of_others(path: str | os.PathLike, options: Mapping[str, object]) -> dict[str, object]:
    """Options that a file of the same survey shares: none of arrays, nor those of the amplitudes alone."""
    return {} if is_array(path) else {name: value for name, value in options.items() if name not in OWN_OPTIONS}
