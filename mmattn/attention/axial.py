"""Axial attention: position-sensitive self-attention along the columns, then along the rows.

Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, https://arxiv.org/abs/2003.07853.

Equal to the authors' PyTorch code where the axis has ``kernel_size`` positions, the only length it takes. Here a
shorter axis uses the middle of the table of relative positions, and along a longer one each position sees the
``span`` positions around it (the paper's local constraint, which its code lacks), at memory linear in the span.
Logits and softmax are float32 or wider.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_choice, check_positive_int
from mmattn.kernels.engines import find_engine
from mmattn.kernels.products import convolve_points


def axial_attention(
    query: Tensor, key: Tensor, value: Tensor, relative: Tensor, norm: nn.BatchNorm2d, *, span: int
) -> tuple[Tensor, Tensor]:
    r"""Attends along lines, with relative positions for queries, keys and values (equation 4 of the paper).

    The weight of key j for query i is softmax_j of the sum of three batch-normalised similarities: q_i k_j,
    q_i Eq[i - j] and k_j Ek[j - i]. The offsets' signs are the published code's.

    Args:
        query: (B, G, D, L) for B lines (rows or columns of all images), G heads and L positions on a line.
        key: (B, G, D, L).
        value: (B, G, V, L).
        relative: (2 D + V, 2 K - 1), embeddings of the offsets 1 - K to K - 1 for queries, keys and values. Offsets
            beyond use the outermost.
        norm: batch normalisation of the 3 G similarities. In training its statistics are those of the pairs that
            attend; on lines longer than K those of this device, synchronised or not.
        span: number of keys around a query that it sees, on lines longer than K.

    Returns:
        Two (B, G, V, L), in the dtype of ``value``: the sums over j of the weights times v_j, and times Ev[i - j].
    """
    engine = find_engine('axial', query, key, value, relative, norm, span)
    if engine is not None:
        return engine(query, key, value, relative, norm, span)
    length, depth, reach, dtype = query.shape[3], query.shape[2], relative.shape[1] // 2, value.dtype
    wide = torch.promote_types(torch.promote_types(dtype, norm.weight.dtype), torch.float32)
    positions = torch.arange(length, device=query.device)
    ahead = positions - positions[:, None]  # (L, L), of key j from query i
    seen = (ahead >= -((span - 1) // 2)) & (ahead <= span // 2) | (length <= reach + 1)
    behind = relative[:, reach - ahead.clamp(-reach, reach)].permute(1, 2, 0)  # (L, L, 2 D + V), offsets i - j
    before = relative[:, reach + ahead.clamp(-reach, reach)].permute(1, 2, 0)  # offsets j - i
    of_query, of_key, of_value = behind[..., :depth], before[..., depth : 2 * depth], behind[..., 2 * depth :]
    with torch.autocast(value.device.type, enabled=False):
        query, key = query.to(wide), key.to(wide)
        parts = [
            torch.einsum('bgdi,bgdj->bgij', query, key),
            torch.einsum('bgdi,ijd->bgij', query, of_query.to(wide)),
            torch.einsum('bgdj,ijd->bgij', key, of_key.to(wide)),
        ]
        logits = _normalised_sum(torch.cat(parts, dim=1), seen, norm)
        weights = logits.softmax(-1).to(dtype)
        content = torch.einsum('bgij,bgvj->bgvi', weights, value)
        return content, torch.einsum('bgij,ijv->bgvi', weights, of_value.to(dtype))


def _normalised_sum(similarities: Tensor, seen: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Sums three similarities, (B, 3 G, L, L), batch-normalised; minus infinity where a query does not see a key."""
    batch, channels, length = similarities.shape[:3]
    if norm.training and not bool(seen.all()):  # statistics of the pairs that attend
        pairs = _normalise(similarities[..., seen].unsqueeze(3), norm)
        normalised = torch.zeros_like(similarities).masked_scatter(seen, pairs.flatten())
    else:
        normalised = _normalise(similarities, norm)
    return normalised.reshape(batch, 3, channels // 3, length, length).sum(1).masked_fill(~seen, float('-inf'))


def _normalise(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Applies a batch normalisation in the dtype of ``x``, which may be wider than its own."""
    if x.dtype == norm.weight.dtype:
        return norm(x)
    running = norm.running_mean.to(x.dtype), norm.running_var.to(x.dtype)
    out = F.batch_norm(
        x, *running, norm.weight.to(x.dtype), norm.bias.to(x.dtype), norm.training, norm.momentum, norm.eps
    )
    if norm.training:
        norm.running_mean.copy_(running[0])
        norm.running_var.copy_(running[1])
        norm.num_batches_tracked += 1
    return out


class SingleAxisAttention(nn.Module):
    """Position-sensitive attention along one axis: the published layer, which reduces, widens and strides too.

    Args:
        in_channels: channels of the feature map.
        axis: 'height' attends within columns, 'width' within rows.
        out_channels: ``in_channels`` by default.
        num_heads: heads; must divide both numbers of channels. Queries and keys have half the channels of a head's
            values, at least one.
        kernel_size: number of positions up to which attention is global; the table of relative positions has
            ``2 * kernel_size - 1`` offsets.
        span: positions that each one sees around it on an axis longer than ``kernel_size``;
            ``2 * kernel_size - 1``, all that the table has, by default. Beyond the table, its last offset counts.
        stride: of an average pooling of both axes at the end.

    Shape:
        (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride)); any H and W.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        axis: str,
        out_channels: int | None = None,
        num_heads: int = 8,
        kernel_size: int = 56,
        span: int | None = None,
        stride: int = 1,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.axis = check_choice(name, 'axis', axis, ('height', 'width'))
        self.out_channels = in_channels if out_channels is None else out_channels
        check_positive_int(name, 'out_channels', self.out_channels)
        self.num_heads = check_positive_int(name, 'num_heads', num_heads)
        self.kernel_size = check_positive_int(name, 'kernel_size', kernel_size)
        self.span = check_positive_int(name, 'span', 2 * kernel_size - 1 if span is None else span)
        self.stride = check_positive_int(name, 'stride', stride)
        for option, channels in (('in_channels', in_channels), ('out_channels', self.out_channels)):
            if channels % num_heads:
                raise ValueError(f'{name}: num_heads must divide {option} ({channels}), got {num_heads}')
        self.value_channels = self.out_channels // num_heads
        self.key_channels = max(self.value_channels // 2, 1)
        per_head = 2 * self.key_channels + self.value_channels
        self.qkv_transform = nn.Conv1d(in_channels, num_heads * per_head, 1, bias=False)
        self.bn_qkv = nn.BatchNorm1d(num_heads * per_head)
        self.bn_similarity = nn.BatchNorm2d(3 * num_heads)
        self.bn_output = nn.BatchNorm1d(2 * self.out_channels)
        self.relative = nn.Parameter(torch.empty(per_head, 2 * kernel_size - 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the projection and the relative positions as published."""
        nn.init.normal_(self.qkv_transform.weight, std=self.in_channels**-0.5)
        nn.init.normal_(self.relative, std=self.value_channels**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the sum of attended values and attended positions, each batch-normalised."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        tall = self.axis == 'height'
        lines = x.permute(0, 3, 1, 2) if tall else x.permute(0, 2, 1, 3)
        several = lines.shape[:2]
        lines = lines.flatten(0, 1)
        heads = self.bn_qkv(convolve_points(self.qkv_transform, lines)).reshape(
            -1, self.num_heads, 2 * self.key_channels + self.value_channels, lines.shape[2]
        )
        query, key, value = heads.split([self.key_channels, self.key_channels, self.value_channels], dim=2)
        parts = axial_attention(query, key, value, self.relative, self.bn_similarity, span=self.span)
        out = self._normalised_sum(*parts)
        out = out.reshape(*several, *out.shape[1:]).permute((0, 2, 3, 1) if tall else (0, 2, 1, 3))
        return F.avg_pool2d(out, self.stride, ceil_mode=True) if self.stride > 1 else out

    def _normalised_sum(self, content: Tensor, position: Tensor) -> Tensor:
        """Sums what was found after batch normalisation, (B, G, V, L) twice to (B, G V, L)."""
        norm = self.bn_output
        if norm.training:
            return norm(torch.stack([content, position], dim=3).flatten(1, 3)).unflatten(1, (-1, 2)).sum(2)
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift = norm.bias - norm.running_mean * scale
        scales = scale.to(content.dtype).view(1, self.num_heads, -1, 1, 2).unbind(-1)
        shift = shift.view(1, self.num_heads, -1, 1, 2).sum(-1).to(content.dtype)
        return torch.addcmul(torch.addcmul(shift, content, scales[0]), position, scales[1]).flatten(1, 2)

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'axis={self.axis!r}, num_heads={self.num_heads}, kernel_size={self.kernel_size}, span={self.span}'


@mechanism(short='axial', cost='N*(4*C**2 + 7/2*(H + W)*C)')
class AxialAttention(nn.Module):
    """Position-sensitive axial attention: along the height, then along the width.

    Args:
        in_channels: channels of the feature map.
        num_heads: heads; must divide ``in_channels``.
        kernel_size: number of positions on an axis up to which attention along it is global.
        span: positions that each one sees around it on an axis longer than ``kernel_size``;
            ``2 * kernel_size - 1`` by default. The paper's large images use 65.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(self, in_channels: int, *, num_heads: int = 8, kernel_size: int = 56, span: int | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        if in_channels % check_positive_int(name, 'num_heads', num_heads):
            raise ValueError(f'{name}: num_heads must divide in_channels ({in_channels}), got {num_heads}')
        check_positive_int(name, 'kernel_size', kernel_size)
        if span is not None:
            check_positive_int(name, 'span', span)
        self.height, self.width = (
            SingleAxisAttention(in_channels, axis=axis, num_heads=num_heads, kernel_size=kernel_size, span=span)
            for axis in ('height', 'width')
        )

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attended map; the residual connection is the caller's, as in the paper's blocks."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        return self.width(self.height(x))
