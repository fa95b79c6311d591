"""Squeeze-and-excitation layers: ``fc1`` and ``fc2`` (hujie-frank/SENet's arithmetic), or ``fc.0`` and ``fc.2``.

The second spelling is that of the ports whose linear layers have no biases: ``SqueezeExcitation(bias=False)``.
"""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group


def as_convolution(weight: Tensor) -> Tensor:
    """A linear layer's matrix as the kernel of a 1x1 convolution; a kernel stays as it is."""
    return weight[:, :, None, None] if weight.dim() == 2 else weight


SENET = Source(
    rules=(
        Rule(r'(fc[12]\.weight)', r'\1', as_convolution),
        Rule(r'(fc[12]\.bias)', r'\1'),
        Rule(r'fc\.0\.weight', 'fc1.weight', as_convolution),
        Rule(r'fc\.2\.weight', 'fc2.weight', as_convolution),
        Rule(r'fc\.0\.bias', 'fc1.bias'),
        Rule(r'fc\.2\.bias', 'fc2.bias'),
    ),
    groups=(
        Group(('fc1.weight', 'fc2.weight')),
        Group(('fc1.bias', 'fc2.bias'), needs=('fc1.weight', 'fc2.weight')),
    ),
)
