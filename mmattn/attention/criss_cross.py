"""Criss-cross attention: each position attends to its own row and column.

CCNet: Criss-Cross Attention for Semantic Segmentation, https://arxiv.org/abs/1811.11721.
Applied twice with shared weights it gathers from every position (the paper's recurrent module, RCCA) at
N * (H + W) attention weights instead of N * N for N = H * W.

Unlike the published code: logits and softmax are float32 or wider whatever the dtype of the features, so half
precision neither overflows nor fails, and no device is named. Where an engine serves, the layer runs as one operator.
"""

import torch
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_positive_int
from mmattn.kernels.engines import find_engine
from mmattn.kernels.products import convolve_points


def criss_cross_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attends from each position to the positions of its row and its column, itself counted once.

    Args:
        query: (B, D, H, W).
        key: (B, D, H, W).
        value: (B, C, H, W).

    Returns:
        (B, C, H, W) in the dtype of ``value``: sum over the H + W - 1 positions of softmax(<query, key>) * value,
        without a scale on the logits (section 3.2 of the paper).
    """
    height = query.shape[2]
    wide = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast(query.device.type, enabled=False):
        query, key = query.to(wide), key.to(wide)
        columns = query.permute(0, 3, 2, 1) @ key.permute(0, 3, 1, 2)  # (B, W, H, H)
        places = torch.arange(height, device=query.device)
        columns = columns.masked_fill(places == places[:, None], float('-inf'))  # the row counts it already
        rows = query.permute(0, 2, 3, 1) @ key.permute(0, 2, 1, 3)  # (B, H, W, W)
        weights = torch.cat([columns.transpose(1, 2), rows], dim=-1).softmax(-1).to(value.dtype)
        from_columns = weights[..., :height].transpose(1, 2) @ value.permute(0, 3, 2, 1)  # (B, W, H, C)
        from_rows = weights[..., height:] @ value.permute(0, 2, 3, 1)  # (B, H, W, C)
        return from_columns.permute(0, 3, 2, 1) + from_rows.permute(0, 3, 1, 2)


@mechanism(short='cc', cost='N*(5/4*C**2 + 9/8*(H + W)*C)')
class CrissCrossAttention(nn.Module):
    """Criss-cross attention with a learned residual weight, applied ``recurrence`` times with shared weights.

    Args:
        in_channels: channels of the feature map.
        recurrence: number of applications; 1 is the published layer, 2 the paper's RCCA, 0 passes the input through
            (an ablation: the parameters stay in the state dict, frozen).
        reduction: queries and keys have ``in_channels // reduction`` channels, at least one.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, recurrence: int = 1, reduction: int = 8) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.recurrence = check_positive_int(name, 'recurrence', recurrence, minimum=0)
        embed_channels = max(in_channels // check_positive_int(name, 'reduction', reduction), 1)
        self.query_conv = nn.Conv2d(in_channels, embed_channels, 1)
        self.key_conv = nn.Conv2d(in_channels, embed_channels, 1)
        self.value_conv = nn.Conv2d(in_channels, in_channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))
        if recurrence == 0:
            self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + gamma * attention(x), ``recurrence`` times over."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        for _ in range(self.recurrence):
            x = self._add_attended(x)
        return x

    def _add_attended(self, x: Tensor) -> Tensor:
        """Applies the layer once; in an engine one matrix product stands for the three convolutions."""
        convs = (self.query_conv, self.key_conv, self.value_conv)
        weight, bias = torch.cat([conv.weight for conv in convs]).flatten(1), torch.cat([conv.bias for conv in convs])
        engine = find_engine('criss_cross', x, weight, bias, self.gamma)
        if engine is not None:
            return engine(x, weight, bias, self.gamma)
        return x + self.gamma * criss_cross_attention(*(convolve_points(conv, x) for conv in convs))

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'recurrence={self.recurrence}'
