"""The parts of Swin-Unet, https://arxiv.org/abs/2105.05537; its windows are those of https://arxiv.org/abs/2103.14030.

All take and return maps with the channels last, (B, H, W, C), of any size: zeros on the right and at the bottom make
up for what windows and merging lack. Masks are made as they are needed. Graphs are exported with sizes left open, if
each map of each of these sizes has several windows along both axes: PyTorch takes a length of 1 for a case of its own.
"""

import logging
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmengine.logging import print_log
from torch import Tensor, nn

from mmattn.attention.tokens import TokenLinear
from mmattn.common.checks import check_positive, check_positive_int, check_positive_ints, check_rate
from mmattn.kernels.context import is_allowed, is_exporting, is_prediction
from mmattn.models.blocks.biased_attention import HeadByHead, attend, is_trained_on_cpu
from mmattn.models.blocks.transformer import init_linear

BLOCKED = -100.0  # added to the logits between regions that the shift has brought into one window


def blocks_in(length: int, block: int) -> int:
    """Returns how many blocks cover a length."""
    return (length + block - 1) // block


def reshaped(x: Tensor, *shape: int) -> Tensor:
    """``x.reshape(shape)`` of a permuted map, which leaves no question about strides open when sizes are symbols."""
    x = x.clone(memory_format=torch.contiguous_format) if is_exporting() else x.contiguous()
    return x.view(shape)


def pad_to(x: Tensor, multiple: int) -> Tensor:
    """Returns (B, H, W, C) with zeros on the right and at the bottom, up to multiples."""
    bottom, right = (blocks_in(length, multiple) * multiple - length for length in x.shape[1:3])
    return F.pad(x, (0, 0, 0, right, 0, bottom)) if is_exporting() or bottom or right else x


def roll(x: Tensor, shift: int) -> Tensor:
    """Moves (B, H, W, C) up and left, what leaves coming back at the other end."""
    return x.roll((-shift, -shift), (1, 2)) if shift else x


def to_windows(x: Tensor, window: int) -> Tensor:
    """Returns (B, H, W, C), sizes multiples of M = ``window``, as L windows, (B, L, M M, C), row after row."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // window, window, width // window, window, channels).transpose(2, 3)
    return reshaped(x, batch, (height // window) * (width // window), window * window, channels)


def tiled(x: Tensor, height: int, width: int, shift: int = 0) -> Tensor:
    """Puts squares of S x S tokens together to a map, and moves and cuts it.

    Args:
        x: (B, rows, columns, S, S, C).
        height: of the result.
        width: of the result.
        shift: how far the map moves down and right, what leaves coming back at the other end.

    Returns:
        (B, height, width, C).
    """
    batch, rows, columns, side, _, channels = x.shape
    if is_exporting():  # that these lengths are multiples, and slices within them, symbols cannot tell
        i, j = (torch.arange(length, device=x.device) - shift for length in (height, width))
        i, j = torch.where(i < 0, i + rows * side, i)[:, None], torch.where(j < 0, j + columns * side, j)
        return x[:, i // side, j // side, i % side, j % side]
    x = roll(reshaped(x.transpose(2, 3), batch, rows * side, columns * side, channels), -shift)
    return x[:, :height, :width]


def shift_mask(x: Tensor, window: int, shift: int) -> Tensor:
    """Returns what to add to the logits of the L windows of a rolled (B, H, W, C) map, (L, M M, M M).

    Tokens that were not neighbours before the roll do not see each other.
    """
    regions = []
    for length in x.shape[1:3]:
        position = torch.arange(length, device=x.device)
        regions.append((position >= length - window).int() + (position >= length - shift).int())
    rows, columns = regions
    region = to_windows((3 * rows[:, None] + columns)[None, :, :, None], window)[0]  # (L, M M, 1)
    return (region != region.mT).to(x.dtype) * BLOCKED


class WindowAttention(nn.Module):
    """Multi-head self-attention inside windows, with a learned bias for each head and relative position.

    A table of biases for windows of another size is interpolated bicubically when it is loaded.

    Args:
        in_channels: channels of the tokens.
        num_heads: divides ``in_channels``.
        window_size: M, of windows of M x M tokens.
        attn_drop_rate: dropout of the attention's weights.
        drop_rate: dropout of the result.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_heads: int,
        window_size: int,
        attn_drop_rate: float = 0.0,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_heads, self.window_size, self.attn_drop_rate = num_heads, window_size, attn_drop_rate
        self.bias_table = nn.Parameter(torch.empty((2 * window_size - 1) ** 2, num_heads))
        self.qkv = TokenLinear(in_channels, 3 * in_channels)
        self.proj = TokenLinear(in_channels, in_channels)
        self.drop = nn.Dropout(drop_rate)
        nn.init.trunc_normal_(self.bias_table, std=0.02)
        init_linear(self.qkv)
        init_linear(self.proj)

    def fit_tensors(self, tensors: dict[str, Tensor], prefix: str) -> list[str]:
        """Interpolates this layer's table, in place, where ``tensors`` has one for other windows; returns its name."""
        name = f'{prefix}bias_table'
        table = tensors.get(name)
        if table is None or table.shape[1:] != self.bias_table.shape[1:]:
            return []
        tensors[name] = resize_table(table, self.window_size)
        return [name] if tensors[name] is not table else []

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        for name in self.fit_tensors(state_dict, prefix):
            print_log(f'{name} interpolated to windows of {self.window_size}', logger='current', level=logging.WARNING)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def bias(self) -> Tensor:
        """Returns the bias of each head between the places of a window, (heads, M M, M M)."""
        size = self.window_size
        place = torch.arange(size, device=self.bias_table.device)
        delta = place[:, None] - place + size - 1  # (query, key)
        index = (2 * size - 1) * delta[:, None, :, None] + delta[:, None]  # (row, column, row, column)
        return F.embedding(index.reshape(size**2, size**2), self.bias_table).permute(2, 0, 1)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the attended (B, L, M M, C) windows.

        Args:
            windows: L of each image.
            mask: (L, M M, M M), added to the logits.
        """
        batch, count, places, channels = windows.shape
        qkv = self.qkv(windows).reshape(batch, count, places, 3, self.num_heads, channels // self.num_heads)
        dropout, bias = self.attn_drop_rate if self.training else 0.0, self.bias()
        if is_trained_on_cpu(qkv) and not dropout:
            found = HeadByHead.apply(qkv, bias, mask)
        elif is_prediction(qkv) and is_allowed('fused'):  # a bias for each window is less than another order of tokens
            query, key, value = qkv.flatten(0, 1).permute(2, 0, 3, 1, 4)  # (B L, heads, M M, D) each
            bias = bias[None] if mask is None else (bias + mask[:, None]).repeat(batch, 1, 1, 1)
            found = attend(query, key, value, bias).transpose(1, 2)
        elif mask is None:
            # What shares a bias stands on one axis, so that the bias is never repeated.
            qkv = reshaped(qkv.permute(3, 4, 0, 1, 2, 5), 3, self.num_heads, batch * count, places, -1)
            query, key, value = qkv  # (heads, B L, M M, D) each
            found = attend(query, key, value, bias[:, None], dropout)
            found = found.reshape(self.num_heads, batch, count, places, -1).permute(1, 2, 3, 0, 4)
        else:
            qkv = reshaped(qkv.permute(3, 1, 4, 0, 2, 5), 3, count * self.num_heads, batch, places, -1)
            query, key, value = qkv  # (L heads, B, M M, D) each
            found = attend(query, key, value, (bias + mask[:, None]).flatten(0, 1)[:, None], dropout)
            found = found.reshape(count, self.num_heads, batch, places, -1).permute(2, 0, 3, 1, 4)
        return self.drop(self.proj(reshaped(found, batch, count, places, channels)))


def resize_table(table: Tensor, window_size: int) -> Tensor:
    """Interpolates biases of relative positions bicubically, as MMSegmentation does.

    Args:
        table: ((2 N - 1)^2, heads), of windows of N x N tokens.
        window_size: M.

    Returns:
        ((2 M - 1)^2, heads); the table itself where it is that already, or is none of a square of odd sides.
    """
    rows = table.shape[0]
    side, wanted = math.isqrt(rows), 2 * window_size - 1
    if table.dim() != 2 or side * side != rows or side % 2 == 0 or side == wanted:
        return table
    square = table.T.reshape(1, -1, side, side).to(torch.promote_types(table.dtype, torch.float32))
    square = F.interpolate(square, (wanted, wanted), mode='bicubic', align_corners=False)
    return square.reshape(-1, wanted * wanted).T.to(table.dtype).contiguous()


class FeedForward(nn.Module):
    """Linear layer, GELU, linear layer.

    Args:
        in_channels: of the tokens.
        mlp_ratio: width of the hidden layer in multiples of that, rounded down.
        drop_rate: dropout after both.
    """

    def __init__(self, in_channels: int, *, mlp_ratio: float, drop_rate: float = 0.0) -> None:
        super().__init__()
        hidden = int(in_channels * mlp_ratio)
        self.fc1, self.fc2 = TokenLinear(in_channels, hidden), TokenLinear(hidden, in_channels)
        self.drop = nn.Dropout(drop_rate)
        init_linear(self.fc1)
        init_linear(self.fc2)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (..., in_channels)."""
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))


class SwinBlock(nn.Module):
    """Attention inside windows and a feed-forward layer, each behind a normalisation and with a residual.

    Maps are padded to whole windows after the first normalisation, as in MMSegmentation's ``SwinTransformer``. There
    is no shift where one window is as high or as wide as the map.

    Args:
        channels: C.
        num_heads: divides C.
        window_size: M.
        shifted: whether windows are moved by half of M, rounded down.
        mlp_ratio: width of the feed-forward layer in multiples of C.
        drop_rate: dropout of both branches' layers.
        attn_drop_rate: dropout of the attention's weights.
        drop_path_rate: probability that a branch is left out in training, sample by sample.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        window_size: int,
        shifted: bool,
        mlp_ratio: float = 4.0,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.window_size, self.shift = window_size, window_size // 2 if shifted else 0
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        options = dict(window_size=window_size, attn_drop_rate=attn_drop_rate, drop_rate=drop_rate)
        self.attention = WindowAttention(channels, num_heads=num_heads, **options)
        self.ffn = FeedForward(channels, mlp_ratio=mlp_ratio, drop_rate=drop_rate)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the same shape, (B, H, W, C)."""
        x = x + self.drop_path(self._attend(self.norm1(x)))
        return x + self.drop_path(self.ffn(self.norm2(x)))

    def _attend(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        rows, columns = (blocks_in(length, self.window_size) for length in (height, width))
        shift = self.shift if all(length > self.window_size for length in (height, width)) else 0
        x = roll(pad_to(x, self.window_size), shift)
        mask = shift_mask(x, self.window_size, shift) if shift else None
        windows = self.attention(to_windows(x, self.window_size), mask)
        windows = windows.reshape(-1, rows, columns, self.window_size, self.window_size, windows.shape[3])
        return tiled(windows, height, width, shift)


def growing_rates(last: float, depths: Sequence[int]) -> list[list[float]]:
    """Returns the rates of the blocks of each stage, from zero at the first linearly to ``last`` at the last."""
    step = last / max(sum(depths) - 1, 1)
    return [[step * (sum(depths[:i]) + block) for block in range(depth)] for i, depth in enumerate(depths)]


def swin_blocks(channels: int, drop_path_rates: Sequence[float], **options: float) -> nn.ModuleList:
    """Returns a block for each rate, every second one shifted; ``options`` are those of ``SwinBlock``."""
    rates = enumerate(drop_path_rates)
    return nn.ModuleList(SwinBlock(channels, shifted=i % 2 > 0, drop_path_rate=rate, **options) for i, rate in rates)


def check_blocks(
    owner: str,
    option: str,
    widths: Sequence[int],
    num_heads: Sequence[int],
    window_size: int,
    mlp_ratio: float,
    drop_path_rate: float,
) -> None:
    """Raises unless stages of ``widths`` channels, which ``option`` sets, can have blocks of these options.

    Raises:
        TypeError: for a value of a wrong type.
        ValueError: for heads that are not one number a stage or do not divide its channels, and for other wrong values.
    """
    check_positive_ints(owner, 'num_heads', num_heads, len(widths))
    for channels, heads in zip(widths, num_heads):
        if channels % heads:
            raise ValueError(f'{owner}: num_heads must divide {option}, got {heads} for {channels}')
    check_positive_int(owner, 'window_size', window_size)
    check_positive(owner, 'mlp_ratio', mlp_ratio)
    if min(widths) * mlp_ratio < 1:
        raise ValueError(f'{owner}: mlp_ratio must leave a hidden channel, got {mlp_ratio} for {min(widths)}')
    check_rate(owner, 'drop_path_rate', drop_path_rate)


class PatchMerging(nn.Module):
    """Joins 2x2 tokens into one of twice the channels; odd maps are padded with zeros.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = TokenLinear(4 * channels, 2 * channels, bias=False)
        init_linear(self.reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, ceil(H / 2), ceil(W / 2), 2 C)."""
        x = pad_to(x, 2)
        batch, height, width, channels = x.shape
        x = x.reshape(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 4, 2, 5)
        return self.reduction(self.norm(reshaped(x, batch, height // 2, width // 2, 4 * channels)))


class PatchExpanding(nn.Module):
    """Makes each token a square of tokens, and normalises these.

    Args:
        in_channels: of the tokens.
        out_channels: of the result.
        scale: the square's sides.
    """

    def __init__(self, in_channels: int, out_channels: int, *, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale
        self.expand = TokenLinear(in_channels, scale * scale * out_channels, bias=False)
        self.norm = nn.LayerNorm(out_channels)
        init_linear(self.expand)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, scale H, scale W, out_channels)."""
        (batch, height, width, _), scale = x.shape, self.scale
        x = self.expand(x).reshape(batch, height, width, scale, scale, -1)
        return self.norm(tiled(x, scale * height, scale * width))
