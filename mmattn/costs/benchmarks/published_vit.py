"""The self-attention of Vision Transformers step by step as TransUNet's authors have it, as the benchmark's peer.

https://arxiv.org/abs/2010.11929, equations 5 to 8 of its appendix: the attention of all tokens to all is held.
"""

from torch import Tensor, nn

from mmattn.attention.tokens import to_map, to_tokens
from mmattn.models.blocks.vit import SelfAttention

HEAD_CHANNELS = 64  # of the published networks


class PublishedSelfAttention(nn.Module):
    """Projections, the scaled products of all queries and keys, their softmax, and its products with the values.

    Args:
        channels: C of the tokens.
        num_heads: divides C.
    """

    def __init__(self, channels: int, *, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value, self.proj = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns (B, N, C) for tokens of the same shape."""
        query, key, value = (self._split(layer(tokens)) for layer in (self.query, self.key, self.value))
        weights = (query @ key.transpose(2, 3) / query.shape[3] ** 0.5).softmax(dim=3)
        return self.proj((weights @ value).transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)


class OnMaps(nn.Module):
    """A layer of tokens, on maps.

    Args:
        layer: takes and returns (B, H W, C).
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, C, H, W) for a map of the same shape."""
        return to_map(self.layer(to_tokens(x)), x.shape[2:])


def _heads(channels: int) -> int:
    return channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1


def our_self_attention(channels: int, height: int, width: int) -> nn.Module:
    """The attention of ``HybridViT``, with 64 channels a head."""
    return OnMaps(SelfAttention(channels, num_heads=_heads(channels)))


def published_self_attention(channels: int, height: int, width: int) -> nn.Module:
    """The published one, with 64 channels a head."""
    return OnMaps(PublishedSelfAttention(channels, num_heads=_heads(channels)))
