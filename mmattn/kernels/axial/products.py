"""Products of axial attention whose operands lie by line or by position, with gradients that copy as little as can be.

Letters as in ``lines``. Autograd would multiply what lies by position matrix by matrix, each copied, and would hold the
two gradients of the weights before it adds them.
"""

import torch
from torch import Tensor

from mmattn.kernels.context import is_exporting


def by_position(lines: Tensor, table: Tensor) -> Tensor:
    """Multiplies what is at each position of a piece with that position's own matrix.

    Args:
        lines: (B, G, P, A, M).
        table: (A, M, N).

    Returns:
        (B, G, P, A, N), a view: in memory the positions are the slowest, as the product leaves them.
    """
    return _multiply(lines, table) if is_exporting() else _ByPosition.apply(lines, table)


def gather(weights: Tensor, value: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Sums values, and relative positions, by weights.

    Args:
        weights: (B, G, P, A, T).
        value: (B, G, P, V, T).
        table: (A, T, V).

    Returns:
        Both sums, (B, G, P, V, A).
    """
    if is_exporting():
        return value @ weights.mT, _multiply(weights, table).mT
    content, position = _Gathered.apply(weights, value, table)
    return content, position.mT


def _positions_first(lines: Tensor) -> Tensor:
    """(B, G, P, A, M) to (A, B * G * P, M), a view where possible."""
    return lines.flatten(0, 2).transpose(0, 1)


def _dense(lines: Tensor) -> Tensor:
    """``_positions_first``, copied at once where products would copy it piece by piece."""
    first = _positions_first(lines)
    return first if first.stride(2) == 1 else first.contiguous()


def _multiply(lines: Tensor, table: Tensor) -> Tensor:
    return _lines_first(torch.bmm(_positions_first(lines), table), lines.shape)


def _lines_first(product: Tensor, shape: torch.Size) -> Tensor:
    return product.transpose(0, 1).unflatten(0, shape[:3])


class _ByPosition(torch.autograd.Function):
    @staticmethod
    def forward(ctx, lines: Tensor, table: Tensor) -> Tensor:
        ctx.save_for_backward(lines, table)
        return _multiply(lines, table)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        lines, table = ctx.saved_tensors
        with torch.autocast(grad.device.type, enabled=False):
            grad = _dense(grad)
            return _lines_first(torch.bmm(grad, table.mT), lines.shape), torch.bmm(_positions_first(lines).mT, grad)


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weights: Tensor, value: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(weights, value, table)
        return value @ weights.mT, _multiply(weights, table)

    @staticmethod
    def backward(ctx, grad_content: Tensor, grad_position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights, value, table = ctx.saved_tensors
        with torch.autocast(grad_content.device.type, enabled=False):
            grad_position = _dense(grad_position)
            grad_weights = (grad_content.mT @ value).contiguous()
            _positions_first(grad_weights).baddbmm_(grad_position, table.mT)
            grad_table = torch.bmm(_positions_first(weights).mT, grad_position)
            return grad_weights, grad_content @ weights, grad_table
