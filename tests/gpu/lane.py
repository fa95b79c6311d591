"""What the GPU lane runs on: a GPU, or with MMATTN_REHEARSE=1 the CPU at small sizes: no test meets a GPU unrun.

python -m pytest -m gpu
MMATTN_REHEARSE=1 python -m pytest -m gpu
"""

import os
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from mmattn.attention import use_engine

HAS_GPU = torch.cuda.is_available()
REHEARSE = os.environ.get('MMATTN_REHEARSE') == '1'
DEVICE = torch.device('cuda' if HAS_GPU else 'cpu')
TOLERANCE = {torch.float32: 2e-4, torch.float16: 0.015, torch.bfloat16: 0.1}  # of a tensor's norm
HALF = torch.float16 if HAS_GPU else torch.bfloat16  # of autocast

lane = [
    pytest.mark.gpu,
    pytest.mark.skipif(not (HAS_GPU or REHEARSE), reason='no GPU; MMATTN_REHEARSE=1 rehearses it on the CPU'),
]


def gpu_only(why: str) -> pytest.MarkDecorator:
    """Marks a test that a CPU cannot rehearse."""
    return pytest.mark.skipif(not HAS_GPU, reason=f'needs a GPU: {why}')


def coarse(x: Tensor) -> Tensor:
    """Rounds to numbers of seven bits, which every dtype holds: one reference serves all."""
    fraction, exponent = torch.frexp(x)
    return torch.ldexp((fraction * 128).round() / 128, exponent)


def prepare(layer: nn.Module) -> nn.Module:
    """Brings a layer to the lane's device, with coarse parameters none of which are zero throughout."""
    layer = layer.to(DEVICE).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(coarse(parameter if parameter.any() else torch.full_like(parameter, 0.625)))
    return layer


def random_map(*shape: int) -> Tensor:
    """Returns a map of coarse numbers on the lane's device."""
    return coarse(torch.randn(*shape, device=DEVICE))


def results(layer: nn.Module, inputs: list[Tensor], run: Callable | None = None) -> dict[str, Tensor]:
    """Returns the output of a layer and the gradients of its inputs and parameters, by name.

    Args:
        layer: has the parameters.
        inputs: maps.
        run: called in place of the layer.
    """
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = (layer if run is None else run)(*inputs)
    generator = torch.Generator(y.device).manual_seed(1)
    grad = coarse(torch.randn(y.shape, device=y.device, generator=generator)).to(y.dtype)
    names = [*(f'input {number}' for number in range(len(inputs))), *(name for name, _ in layer.named_parameters())]
    grads = torch.autograd.grad(y, [*inputs, *layer.parameters()], grad, allow_unused=True)
    return {'output': y.detach(), **{name: grad for name, grad in zip(names, grads) if grad is not None}}


def expected(layer: nn.Module, inputs: list[Tensor]) -> dict[str, Tensor]:
    """Returns ``results`` of the plain mathematics in float64."""
    with use_engine('reference'):
        return results(deepcopy(layer).double(), [x.double() for x in inputs])


def assert_near(got: dict[str, Tensor], right: dict[str, Tensor], dtype: torch.dtype, what: str) -> None:
    """Fails where a tensor is farther from another, by their norms, than ``TOLERANCE``.

    What is small beside the gradient of the input, as that of a bias that a softmax takes off again, is rounding.
    """
    assert got.keys() == right.keys()
    scale = right['input 0'].norm() / right['input 0'].numel() ** 0.5
    for name, tensor in got.items():
        assert tensor.isfinite().all(), f'{what}: {name} is not finite'
        error, norm = (tensor.double() - right[name]).norm(), right[name].norm()
        floor = 0.1 * scale * right['output'].numel() ** 0.5 if tensor.dim() == 1 else 0.1 * scale
        assert error <= TOLERANCE[dtype] * max(norm, floor), f'{what}: {name} is off by {error / norm:.2g} of itself'
