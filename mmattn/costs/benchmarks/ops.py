"""Our attention layers beside their peers, in turns in one process."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from mmattn.costs.benchmarks.measure import Cost, measure_pair
from mmattn.costs.benchmarks.published import PEERS


@dataclass(frozen=True)
class Row:
    """One comparison; ratios are ours divided by the peer's, empty where the peer fails."""

    op: str
    peer: str
    size: str
    dtype: str
    device: str
    work: str
    ours_ms: str
    peer_ms: str
    time_ratio: str
    ours_mib: str
    peer_mib: str
    memory_ratio: str

    def cells(self) -> dict[str, str]:
        """The row by column."""
        return asdict(self)


def _forward(layer: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        layer(x)


def _forward_backward(layer: nn.Module, x: Tensor) -> None:
    layer.zero_grad(set_to_none=True)
    x = x.detach().requires_grad_()
    layer(x).sum().backward()


_WORK = {'forward': _forward, 'forward+backward': _forward_backward}


def compare(op: str, size: Sequence[int], *, dtype: torch.dtype, device: torch.device, repeats: int) -> list[Row]:
    """Compares one operator with its peer, forward and forward+backward.

    Args:
        op: of ``PEERS``.
        size: (B, C, H, W) of the input.
        dtype: of the weights and the input.
        device: where both run.
        repeats: timed calls of each, in turns; the median counts.
    """
    build_ours, peer_name, build_peer = PEERS[op]
    torch.manual_seed(0)
    ours = build_ours(*size[1:]).to(device, dtype)
    x = torch.randn(*size, device=device, dtype=dtype)
    rows = []
    for work, run in _WORK.items():
        costs: tuple[Cost, Cost | None]
        try:
            peer = build_peer(*size[1:]).to(device, dtype)
            run(peer, x)
            costs = measure_pair(
                lambda run=run: run(ours, x), lambda run=run, peer=peer: run(peer, x), device, repeats=repeats
            )
        except (RuntimeError, ValueError, torch.OutOfMemoryError) as error:
            print(f'{peer_name}, {work}: {str(error).splitlines()[0]}')
            alone = measure_pair(lambda run=run: run(ours, x), lambda run=run: run(ours, x), device, repeats=repeats)
            costs = alone[0], None
        label = 'x'.join(map(str, size))
        rows.append(Row(op, peer_name, label, str(dtype).removeprefix('torch.'), device.type, work, *_cells(*costs)))
    return rows


def _cells(ours: Cost, peer: Cost | None) -> list[str]:
    time, memory = f'{1000 * ours.seconds:.1f}', f'{ours.peak_bytes / 2**20:.1f}'
    if peer is None:
        return [time, 'fails', '', memory, 'fails', '']
    return [
        time,
        f'{1000 * peer.seconds:.1f}',
        f'{ours.seconds / peer.seconds:.2f}',
        memory,
        f'{peer.peak_bytes / 2**20:.1f}',
        f'{ours.peak_bytes / max(peer.peak_bytes, 1):.2f}',
    ]
