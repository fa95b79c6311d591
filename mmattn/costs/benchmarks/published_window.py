"""Attention inside windows step by step as published, as the benchmark's peer.

Swin Transformer, https://arxiv.org/abs/2103.14030, equation 4: softmax(Q K^T / sqrt(d) + B) V, all of it held, for each
window of every image, with the mask of shifted windows.
"""

import torch
from torch import Tensor, nn

from mmattn.models.blocks.swin import WindowAttention, pad_to, shift_mask, tiled, to_windows

WINDOW = 7
HEAD = 32  # channels, in all published networks


class PublishedWindowAttention(WindowAttention):
    """The explicit products, softmax and sums, with the parameters of ours; the places of the biases are a buffer."""

    def __init__(self, in_channels: int, **options: int) -> None:
        super().__init__(in_channels, **options)
        place = torch.stack(torch.meshgrid(*[torch.arange(self.window_size)] * 2, indexing='ij')).flatten(1)
        delta = place[:, :, None] - place[:, None] + self.window_size - 1
        self.register_buffer('index', delta[0] * (2 * self.window_size - 1) + delta[1], persistent=False)

    def bias(self) -> Tensor:
        """Returns the bias of each head between the places of a window, (heads, M M, M M)."""
        places = self.window_size**2
        return self.bias_table[self.index.view(-1)].view(places, places, -1).permute(2, 0, 1).contiguous()

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the attended (B, L, M M, C) windows; ``mask`` is (L, M M, M M)."""
        batch, count, places, channels = windows.shape
        qkv = self.qkv(windows).reshape(batch * count, places, 3, self.num_heads, channels // self.num_heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1) + self.bias()
        if mask is not None:
            logits = logits.reshape(batch, count, self.num_heads, places, places) + mask[:, None]
            logits = logits.flatten(0, 1)
        found = (logits.softmax(-1) @ value).transpose(1, 2)
        return self.proj(found.reshape(batch, count, places, channels))


class ShiftedWindows(nn.Module):
    """Attention inside the windows of a map, as in a shifted block.

    Args:
        attention: ``WindowAttention`` or the published steps.
        channels: of the map; a head has 32, or all of fewer.
    """

    def __init__(self, attention: type[WindowAttention], channels: int) -> None:
        super().__init__()
        self.attention = attention(channels, num_heads=max(channels // HEAD, 1), window_size=WINDOW)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the attended map, (B, C, H, W)."""
        height, width = x.shape[2:]
        x = pad_to(x.permute(0, 2, 3, 1), WINDOW)
        rows, columns = x.shape[1] // WINDOW, x.shape[2] // WINDOW
        windows = self.attention(to_windows(x, WINDOW), shift_mask(x, WINDOW, WINDOW // 2))
        windows = windows.reshape(-1, rows, columns, WINDOW, WINDOW, windows.shape[3])
        return tiled(windows, height, width).permute(0, 3, 1, 2)
