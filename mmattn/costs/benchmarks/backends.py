"""The backends of prediction beside PyTorch and the model as it is built, in turns in one process."""

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from mmseg.apis import init_model
from torch import nn

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.launch import load_config
from mmattn.costs.benchmarks.measure import clock_of
from mmattn.costs.benchmarks.table import Cells
from mmattn.inference import TilePredictor, default_window
from mmattn.kernels.context import has_bfloat16


@dataclass(frozen=True)
class BackendRow:
    """One way to predict a batch of windows.

    Args:
        config: the network's, with random weights.
        windows: of the batch: number, height and width.
        way: the model as built, the prepared model alone, or the predictor with a backend; in bfloat16 too where the
            processor has it.
        ms: median of a batch.
        gain: the predictor's time with PyTorch divided by this.
        difference: largest, of a probability, from the predictor with PyTorch.
    """

    config: str
    windows: str
    way: str
    ms: str
    gain: str
    difference: str

    def cells(self) -> dict[str, str]:
        """The row by column."""
        return asdict(self)


def compare_backends(
    config: str, backends: tuple[str, ...], *, batch_size: int, window: tuple[int, int] | None, repeats: int
) -> list[BackendRow]:
    """Measures a config's network.

    Args:
        config: its name or file; weights are random, running statistics drawn so that folding them matters.
        backends: beside PyTorch.
        batch_size: windows at a time.
        window: (height, width), or None for the model's own.
        repeats: timed calls of each, in turns; the median counts.

    Raises:
        ValueError: if a backend cannot compute it.
    """
    experiment = load_config(config)
    replace_sync_bn(experiment.model)
    torch.manual_seed(0)
    model = init_model(experiment, None, device='cpu')
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    height, width = window or default_window(model)
    made = [TilePredictor(model, batch_size=batch_size, backend=name) for name in ('torch', *backends)]
    predictors, first = {f'predictor, {own.backend}': own for own in made}, made[0]
    if has_bfloat16():
        predictors['predictor, torch, bfloat16'] = TilePredictor(model, batch_size=batch_size, amp=True)
    tiles = np.random.default_rng(0).normal(127.5, 40, (batch_size, width, height)).astype(np.float32)
    inputs = torch.randn(batch_size, first.in_channels, height, width)
    last = inputs.contiguous(memory_format=torch.channels_last)
    calls: dict[str, Callable[[], object]] = {
        'model as built': lambda: _encode_decode(model, inputs),
        'prepared model alone': lambda: _encode_decode(first.prepared, last),
        **{way: lambda own=own: own(tiles) for way, own in predictors.items()},
    }
    expected = first(tiles)
    differences = {way: np.abs(own(tiles) - expected).max() for way, own in predictors.items()}
    times: dict[str, list[float]] = {way: [] for way in calls}
    clock = clock_of(torch.device('cpu'))
    for _ in range(repeats):
        for way, call in calls.items():
            call()
            start = clock()
            call()
            times[way].append(clock() - start)
    medians = {way: statistics.median(own) for way, own in times.items()}
    label = config, f'{batch_size} of {height}x{width}'
    ours = medians[f'predictor, {first.backend}']
    return [
        BackendRow(
            *label,
            way,
            f'{1000 * median:.0f}',
            f'{ours / median:.2f}',
            f'{differences[way]:.1g}' if way in differences else '',
        )
        for way, median in medians.items()
    ]


@torch.inference_mode()
def _encode_decode(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    size = inputs.shape[2:]
    return model.encode_decode(inputs, [dict(img_shape=size, pad_shape=size, ori_shape=size)] * len(inputs))


def measure_backends(args: argparse.Namespace, done: list[Cells]) -> Iterator[list[Cells]]:
    """Yields the rows of one network after the other; ``done`` is empty."""
    for config in args.configs:
        window = args.window and tuple(args.window)
        given = dict(batch_size=args.batch_size, window=window, repeats=args.repeats)
        yield compare_backends(config, tuple(args.backends), **given)
