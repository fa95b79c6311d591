"""Mix-attention and its feature mixer: the contract with two inputs, and the definitions.

The published numbers are tested with the heads.
"""

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmattn.attention import FeatureMixer, MixAttention, list_attention, multi_head_attention
from mmattn.attention.mix import pool_to_grid
from tests.attention.contract import AttentionContract


class SelfAttention(nn.Module):
    """The attention of a map to itself and its opposite: a layer of one input."""

    def __init__(self, attention: MixAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, torch.cat([x, -x], dim=-3))


class MixContract(AttentionContract):
    """What every attention layer must do, of mix-attention."""

    name = 'MixAttention'
    silent_parameters = ()

    def build(self, **options) -> nn.Module:
        layer = MixAttention(self.channels, 2 * self.channels, **{**self.options, **options})
        for parameter in (layer.query.weight, layer.key_value.weight, layer.proj.weight):
            nn.init.normal_(parameter, std=0.2)
        return SelfAttention(layer)

    @pytest.mark.parametrize(('channels', 'error'), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
    def test_wrong_channels_are_named(self, channels, error: type[Exception]):
        with pytest.raises(error, match=rf'MixAttention: in_channels must be .*{channels}'):
            MixAttention(channels, 8)
        with pytest.raises(error, match=rf'MixAttention: key_channels must be .*{channels}'):
            MixAttention(8, channels)

    @pytest.mark.parametrize('key_size', [(1, 1), (3, 4), (9, 11)])
    @pytest.mark.parametrize('size', [(1, 1), (1, 6), (7, 9)])
    def test_any_two_sizes(self, size: tuple[int, int], key_size: tuple[int, int]):
        layer = self.build().attention.eval()
        y = layer(torch.randn(2, self.channels, *size), torch.randn(2, 2 * self.channels, *key_size))
        assert y.shape == (2, self.channels, *size)
        assert y.isfinite().all()


class TestMixAttention(MixContract):
    pass


class TestReducedQueries(MixContract):
    options = dict(num_heads=2, query_reduction=2, key_norm=True)

    def test_exports_to_onnx_with_dynamic_sizes(self, tmp_path):
        """From 3 x 3 on: PyTorch makes a graph of its own for a single window."""
        layer = self.build().eval()
        sizes = {2: torch.export.Dim('h', min=3, max=256), 3: torch.export.Dim('w', min=3, max=256)}
        program = torch.export.export(layer, (torch.randn(1, self.channels, 6, 9),), dynamic_shapes=(sizes,))
        torch.onnx.export(program, dynamo=True, verbose=False).save(tmp_path / 'layer.onnx')
        session = onnxruntime.InferenceSession(tmp_path / 'layer.onnx')
        for size in ((4, 10), (15, 7), (3, 8)):
            x = torch.randn(1, self.channels, *size)
            expected = layer(x).detach()
            torch.testing.assert_close(program.module()(x), expected)
            exported = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
            torch.testing.assert_close(torch.from_numpy(exported), expected, rtol=1e-4, atol=1e-5)


def test_it_is_softmax_attention_to_activated_keys():
    layer = MixAttention(6, 5, num_heads=2).double()
    x, keys = torch.randn(2, 6, 3, 4, dtype=torch.float64), torch.randn(2, 5, 2, 3, dtype=torch.float64)
    nn.init.normal_(layer.query.weight)
    nn.init.normal_(layer.key_value.weight)
    query = torch.einsum('oc,bchw->bohw', layer.query.weight, x).flatten(2)
    both = torch.einsum('oc,bchw->bohw', layer.key_value.weight, F.gelu(keys)).flatten(2)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        key, value = both[:, :6][:, head], both[:, 6:][:, head]
        weights = (torch.einsum('bcn,bcm->bnm', query[:, head], key) / 3**0.5).softmax(-1)
        heads.append(torch.einsum('bnm,bcm->bcn', weights, value))
    expected = torch.einsum('oc,bcn->bon', layer.proj.weight, torch.cat(heads, 1)) + layer.proj.bias[:, None]
    torch.testing.assert_close(layer(x, keys), expected.view_as(x))


def test_multi_head_attention_keeps_heads_apart():
    query, key, value = torch.randn(1, 5, 4), torch.randn(1, 7, 4), torch.randn(1, 7, 4)
    both = multi_head_attention(query, key, value, num_heads=2)
    second = F.scaled_dot_product_attention(query[..., 2:], key[..., 2:], value[..., 2:])
    torch.testing.assert_close(both[..., 2:], second)


def test_both_inputs_get_gradients():
    layer = MixAttention(16, 8, num_heads=4, query_reduction=2, key_norm=True)
    nn.init.normal_(layer.query.weight)
    nn.init.normal_(layer.key_value.weight)
    x, keys = torch.randn(2, 16, 6, 7, requires_grad=True), torch.randn(2, 8, 3, 5, requires_grad=True)
    (layer(x, keys) * torch.randn(2, 16, 6, 7)).sum().backward()
    assert x.grad.abs().amin() > 0
    assert keys.grad.abs().sum((2, 3)).amin() > 0


def test_edge_windows_average_what_is_there():
    x = torch.arange(25.0).view(1, 1, 5, 5)
    pooled = pool_to_grid(x, 2)
    assert pooled.shape == (1, 1, 3, 3)
    assert pooled[0, 0, 0, 0] == x[0, 0, :2, :2].mean()
    assert pooled[0, 0, 2, 2] == 24
    assert pooled[0, 0, 0, 2] == x[0, 0, :2, 4].mean()


def test_levels_of_one_stride_meet_on_the_grid():
    deep, fine = torch.randn(1, 3, 4, 5), torch.randn(1, 2, 4, 5)
    mixer = FeatureMixer((3, 2), pool_ratios=(1, 2))
    mixed = mixer([deep, fine])
    assert torch.equal(mixed[:, :3], deep)
    torch.testing.assert_close(mixed[:, 3:], mixer.convs[0](fine))


def test_mixer_pools_then_convolves_what_is_pooled():
    mixer = FeatureMixer((4, 3, 2), pool_ratios=(1, 2, 4))
    levels = [torch.randn(2, 4, 2, 3), torch.randn(2, 3, 4, 5), torch.randn(2, 2, 7, 9)]
    mixed = mixer(levels)
    assert mixed.shape == (2, 9, 2, 3)
    assert len(mixer.convs) == 2
    assert torch.equal(mixed[:, :4], levels[0])
    torch.testing.assert_close(mixed[:, 7:], mixer.convs[1](F.avg_pool2d(levels[2], 4, ceil_mode=True)))


def test_it_is_no_layer_of_one_input():
    assert 'MixAttention' not in list_attention()


@pytest.mark.parametrize(
    ('build', 'error', 'message'),
    [
        (lambda: MixAttention(10, 8, num_heads=3), ValueError, r'MixAttention: num_heads must divide .*\(10\), got 3'),
        (lambda: MixAttention(8, 8, query_reduction=0), ValueError, 'query_reduction must be at least 1, got 0'),
        (lambda: MixAttention(8, 8, query_reduction=1.5), TypeError, 'query_reduction must be an integer, got 1.5'),
        (lambda: FeatureMixer((8, 4), pool_ratios=(1, 0)), ValueError, 'FeatureMixer: pool_ratios must be at least 1'),
        (
            lambda: FeatureMixer((8, 4), pool_ratios=(1, 2, 4)),
            ValueError,
            r'pool_ratios must have 2 numbers, got \(1, 2, 4',
        ),
        (lambda: FeatureMixer((), pool_ratios=()), ValueError, r'in_channels must have one number at least, got \(\)'),
        (lambda: FeatureMixer(8), ValueError, 'FeatureMixer: in_channels must have one number at least, got 8'),
        (lambda: FeatureMixer((8,), pool_ratios=(1,))([]), ValueError, 'FeatureMixer: expected 1 levels, got 0'),
        (
            lambda: FeatureMixer((8,), pool_ratios=(1,))([torch.ones(1, 2, 3, 3)]),
            ValueError,
            r'FeatureMixer: expected a \(B, 8, H, W\) input',
        ),
        (
            lambda: MixAttention(8, 4)(torch.ones(1, 8, 3, 3), torch.ones(1, 8, 3, 3)),
            ValueError,
            r'MixAttention keys: expected a \(B, 4, H, W\) input',
        ),
        (
            lambda: MixAttention(8, 4)(torch.ones(2, 8, 3, 3), torch.ones(1, 4, 3, 3)),
            ValueError,
            'MixAttention: expected a map of keys of 2 images, as the input has, got 1',
        ),
        (lambda: MixAttention(8, 8, key_norm='no'), TypeError, "key_norm must be True or False, got 'no'"),
    ],
)
def test_wrong_values_are_named(build, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        build()
