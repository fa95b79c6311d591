"""What every decode head must do, of the heads whose other tests compare them with published ones."""

from tests.models.decode_heads.contract import DecodeHeadContract
from tests.models.decode_heads.pyramids import CHANNELS


class TestAttentionHead(DecodeHeadContract):
    name, channels = 'AttentionHead', 16
    options = dict(channels=8, attention=dict(type='CrissCrossAttention'))
    silent_parameters = ('key_conv.bias',)
    graphs = False  # as CrissCrossHead, which is one


class TestCrissCrossHead(DecodeHeadContract):
    name, channels = 'CrissCrossHead', 16
    options = dict(channels=8)
    silent_parameters = ('key_conv.bias',)


class TestDualAttentionHead(DecodeHeadContract):
    name, channels = 'DualAttentionHead', 16
    options = dict(channels=8)
    silent_parameters = ('key_conv.bias',)


class TestNonLocalHead(DecodeHeadContract):
    name, channels = 'NonLocalHead', 16
    options = dict(channels=8)
    silent_parameters = ('phi.bias', 'g.bias')


class TestUMixFormerHead(DecodeHeadContract):
    name, channels = 'UMixFormerHead', CHANNELS
    options = dict(embed_dims=16, drop_path_rate=0.0, query_reduction=2)


class TestFeedFormerHead(DecodeHeadContract):
    name, channels = 'FeedFormerHead', CHANNELS
    options = dict(embed_dims=16, drop_path_rate=0.0, query_reduction=2)
    multiple, training_size = 64, (128, 128)  # more than one key for the reduced queries
