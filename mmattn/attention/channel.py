"""Channel attention of DANet: each channel attends to all channels.

Dual Attention Network for Scene Segmentation, https://arxiv.org/abs/1809.02983, section 3.3.

As in the published code, and unlike the paper's equation 3, the weights are softmax(max(G) - G) for the Gram matrix G
of the channels: the less alike two channels are, the more they exchange (the authors report better convergence so).
Unlike the published code, G and the softmax are float32 or wider whatever the dtype of the features: its sums over
H * W positions overflow in float16.
"""

import torch
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.common.checks import check_positive_int
from mmattn.kernels import channel as channel_op
from mmattn.kernels.context import is_exporting

MANY_CHANNELS = 256  # from which on the operator for CPUs is faster


class _Gram(torch.autograd.Function):
    """(B, C, N) to x @ x.mT; its gradient takes one product where autograd, blind to the symmetry, takes two."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return (grad + grad.mT) @ ctx.saved_tensors[0]


def channel_attention(x: Tensor) -> Tensor:
    """Attends from each channel to every channel (equations 3 and 4, without the residual).

    Args:
        x: (B, C, H, W).

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    flat = x.flatten(2)
    with torch.autocast(x.device.type, enabled=False):
        if x.shape[1] >= MANY_CHANNELS and flat.is_cpu and flat.dtype == torch.float32 and not is_exporting():
            return channel_op.attend(flat)[0].unflatten(2, x.shape[2:])
        wide = flat.to(torch.promote_types(x.dtype, torch.float32))
        gram = _Gram.apply(wide)  # (B, C, C)
        # What a softmax takes off every logit has no gradient.
        weights = (gram.detach().amax(-1, keepdim=True) - gram).softmax(-1)
        return (weights.to(x.dtype) @ flat).unflatten(2, x.shape[2:])


class ChannelAttention(nn.Module):
    """Channel attention with a learned residual weight, zero at first, so that it starts as the identity.

    Args:
        in_channels: channels of the feature map.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = check_positive_int(type(self).__name__, 'in_channels', in_channels)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + gamma * attention(x)."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return torch.addcmul(x, self.gamma.to(x.dtype), channel_attention(x))
