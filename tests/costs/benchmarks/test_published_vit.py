"""The benchmark's peer computes what our layer does."""

import torch

from mmattn.costs.benchmarks.published_vit import our_self_attention, published_self_attention


def test_the_peer_is_the_same_function():
    ours, peer = our_self_attention(128, 5, 6), published_self_attention(128, 5, 6)
    peer.load_state_dict(ours.state_dict())
    assert ours.layer.num_heads == peer.layer.num_heads == 2
    x = torch.randn(2, 128, 5, 6)
    torch.testing.assert_close(ours(x), peer(x))
    assert published_self_attention(48, 5, 6).layer.num_heads == 1
