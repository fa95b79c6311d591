"""Products by line and by position have the gradients that autograd finds, once and twice."""

import torch
from torch.autograd import gradcheck, gradgradcheck

from mmattn.kernels.axial.products import by_position, gather


def _drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_by_position():
    torch.manual_seed(0)
    lines, table = _drawn(2, 2, 1, 3, 4), _drawn(3, 4, 2)
    expected = torch.einsum('bgpam,amn->bgpan', lines, table)
    torch.testing.assert_close(by_position(lines, table), expected)
    assert gradcheck(by_position, (lines, table))
    assert gradgradcheck(by_position, (lines, table))


def test_gather():
    torch.manual_seed(0)
    weights, value, table = _drawn(2, 1, 2, 3, 4), _drawn(2, 1, 2, 2, 4), _drawn(3, 4, 2)
    content, position = gather(weights, value, table)
    torch.testing.assert_close(content, torch.einsum('bgpat,bgpvt->bgpva', weights, value))
    torch.testing.assert_close(position, torch.einsum('bgpat,atv->bgpva', weights, table))
    assert gradcheck(gather, (weights, value, table))
    assert gradgradcheck(gather, (weights, value, table))
