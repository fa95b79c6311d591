"""Decode heads and whole networks: time and peak memory, forward and in a training step."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from mmattn.costs.benchmarks.commands import WORK
from mmattn.costs.benchmarks.measure import Cost, measure_pair
from mmattn.costs.benchmarks.networks import Network
from mmattn.costs.benchmarks.published import mmcv_criss_cross


@dataclass(frozen=True)
class ModelRow:
    """One measurement.

    ``ratio`` is the time divided by that of a forward pass of mmcv's criss-cross attention at (1, 512, 97, 97) in
    float32, measured in turns with it.
    """

    network: str
    size: str
    batch: str
    dtype: str
    device: str
    work: str
    time_ms: str
    yardstick_ms: str
    ratio: str
    peak_mib: str
    parameters_m: str

    def cells(self) -> dict[str, str]:
        """The row by column."""
        return asdict(self)

    def key(self) -> tuple[str, ...]:
        """What is measured."""
        return self.network, self.size, self.batch, self.dtype, self.device, self.work


class Yardstick:
    """mmcv's criss-cross attention at the size of its paper's networks, to compare machines by.

    Args:
        device: where it runs.
    """

    def __init__(self, device: torch.device) -> None:
        torch.manual_seed(0)
        self._layer = mmcv_criss_cross(512).eval().to(device)
        self._x = torch.randn(1, 512, 97, 97, device=device)

    def __call__(self) -> Tensor:
        """One forward pass."""
        with torch.no_grad():
            return self._layer(self._x)


def measure_network(network: Network, *, work: str, dtype: torch.dtype, repeats: int, yardstick: Yardstick) -> ModelRow:
    """Measures a network and the yardstick in turns.

    Args:
        network: as ``benchmarks.networks`` builds it.
        work: ``forward`` in evaluation mode without gradients, or ``step``: losses, backward pass and optimiser step
            in training mode. The peak memory of a step is beyond weights, gradients and the optimiser's state, which
            stay between steps.
        dtype: of the forward pass; below float32 by autocast, with float32 weights.
        repeats: timed calls; the median counts.
        yardstick: called as often.

    Returns:
        The row; ``fails`` in place of numbers where the network does not run.

    Raises:
        ValueError: for another ``work``.
    """
    if work not in WORK:
        raise ValueError(f'work must be one of {", ".join(WORK)}, got {work!r}')
    network.module.train(work == 'step')
    run = _forward if work == 'forward' else _step
    try:
        costs = measure_pair(lambda: run(network, dtype), yardstick, network.device, repeats=repeats)
        cells = _cells(*costs)
    except (RuntimeError, ValueError) as error:  # too little memory, or one value a channel where a batch is normalised
        print(f'{network.name}, {work}: {str(error).splitlines()[0]}', file=sys.stderr)
        cells = ['fails', '', '', '']
    parameters = sum(parameter.numel() for parameter in network.module.parameters())
    return ModelRow(*key(network, dtype, work), *cells, f'{parameters / 1e6:.3f}')


def key(network: Network, dtype: torch.dtype, work: str) -> tuple[str, ...]:
    """The cells of a row that say what is measured."""
    size = 'x'.join(map(str, network.size))
    return network.name, size, str(network.batch), str(dtype).removeprefix('torch.'), network.device.type, work


def _cells(network: Cost, yardstick: Cost) -> list[str]:
    milliseconds = 1000 * network.seconds, 1000 * yardstick.seconds
    ratio = network.seconds / yardstick.seconds
    return [*(f'{time:.1f}' for time in milliseconds), f'{ratio:.3f}', f'{network.peak_bytes / 2**20:.1f}']


def _autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    lower = dtype != torch.float32
    return torch.autocast(device.type, dtype=dtype if lower else None, enabled=lower)


def _forward(network: Network, dtype: torch.dtype) -> None:
    with torch.no_grad(), _autocast(dtype, network.device):
        network.predict(network.inputs)


def _step(network: Network, dtype: torch.dtype) -> None:
    inputs = network.inputs
    if isinstance(inputs, list):  # the gradient goes on into an encoder
        inputs = [level.detach().requires_grad_() for level in inputs]
    network.optimiser.zero_grad(set_to_none=True)
    with _autocast(dtype, network.device):
        losses = network.losses(inputs)
    sum(_values(losses)).backward()
    network.optimiser.step()


def _values(losses: dict[str, Tensor | list[Tensor]]) -> Iterator[Tensor]:
    """The losses among what a model logs, by MMSegmentation's rule for names."""
    for name, value in losses.items():
        if 'loss' in name:
            yield from (part.mean() for part in (value if isinstance(value, list) else [value]))
