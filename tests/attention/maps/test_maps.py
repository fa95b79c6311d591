"""Every layer's maps against its reference, in which each position's value is a channel, so that weights appear."""

import pytest
import torch
from torch import Tensor, nn

from mmattn.attention import (
    axial_attention,
    build_attention,
    concatenation_attention,
    criss_cross_attention,
    dot_product_attention,
    multi_head_attention,
    position_attention,
    use_engine,
)
from mmattn.attention.maps import AttentionWatch, Place, attention_maps, has_maps
from mmattn.attention.maps.core import AXES
from mmattn.attention.mix import pool_to_grid
from mmattn.attention.non_local import MODES, gaussian_attention, halve
from mmattn.attention.registry import mechanisms
from mmattn.attention.tokens import to_tokens

B, C, H, W = 2, 16, 7, 5
NEAR = dict(rtol=0, atol=1e-6)
PLACES = [(0, 0), (3, 2), (6, 4)]


def build(name: str, **options) -> nn.Module:
    """A layer whose every parameter and statistic acts."""
    layer = build_attention(name, C, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
        for buffer_name, buffer in layer.named_buffers():
            if buffer.is_floating_point():
                buffer.copy_(torch.rand_like(buffer) + 0.5 if 'var' in buffer_name else torch.randn_like(buffer) * 0.2)
    return layer.eval()


def one_hot(length: int) -> Tensor:
    """(B, length, length): the value of position n is 1 in channel n alone."""
    return torch.eye(length).expand(B, -1, -1)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(B, C, H, W)


@pytest.fixture(autouse=True)
def reference():
    with use_engine('reference'), torch.no_grad():
        yield


def check_weights(found: Tensor, weights: Tensor, at: tuple[int, int], size: tuple[int, int] = (H, W)) -> None:
    """Compares a map (B, G, h, w) with reference weights, (B, G, keys, queries)."""
    expected = weights[..., at[0] * W + at[1]].unflatten(-1, size)
    torch.testing.assert_close(found, expected, **NEAR)


def test_every_mechanism_has_maps():
    options = dict(gate=dict(gate_channels=8), mix=dict(key_channels=8))
    for name, mechanism in mechanisms().items():
        assert has_maps(build_attention(name, C, **options.get(mechanism.short, {}))), name


@pytest.mark.parametrize('at', PLACES)
def test_position(x: Tensor, at: tuple[int, int]):
    layer = build('PositionAttention')
    values = one_hot(H * W).unflatten(-1, (H, W))
    weights = position_attention(layer.query_conv(x), layer.key_conv(x), values).flatten(2)
    check_weights(attention_maps(layer, x, at=at)['weights'].values, weights[:, None], at)


@pytest.mark.parametrize('recurrence', [1, 2, 3])
@pytest.mark.parametrize('at', PLACES)
def test_criss_cross(x: Tensor, at: tuple[int, int], recurrence: int):
    layer = build('CrissCrossAttention', recurrence=recurrence)
    maps = attention_maps(layer, x, at=at)
    assert maps.keys() == ({'weights'} if recurrence == 1 else {'weights', 'through'})
    values, through = one_hot(H * W).unflatten(-1, (H, W)), None
    for _ in range(recurrence):
        weights = criss_cross_attention(layer.query_conv(x), layer.key_conv(x), values).flatten(2)  # keys, queries
        through = weights if through is None else through @ weights
        x = layer._add_attended(x)
    check_weights(maps['weights'].values, weights[:, None], at)
    if recurrence > 1:
        check_weights(maps['through'].values, through[:, None], at)
    off = maps['weights'].values.clone()
    off[:, :, at[0]] = 0
    off[..., at[1]] = 0
    assert not off.any()


def test_criss_cross_that_is_never_applied(x: Tensor):
    assert attention_maps(build_attention('CrissCrossAttention', C, recurrence=0), x, at=(1, 1)) == {}


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('pooling', [{}, dict(sub_sample=True), dict(sub_sample=True, pool_first=True)])
def test_non_local(x: Tensor, mode: str, pooling: dict):
    layer, at = build('NonLocal', mode=mode, **pooling), (4, 1)
    source = halve(x) if pooling.get('pool_first') else x
    query, key = (x, source) if mode == 'gaussian' else (layer.theta(x), layer.phi(source))
    if pooling and 'pool_first' not in pooling:
        key = halve(key)
    size, query, key = key.shape[2:], query.flatten(2), key.flatten(2)
    values = one_hot(key.shape[2])
    if mode == 'dot_product':
        weights = dot_product_attention(query, key, values)
    elif mode == 'concatenation':
        weights = concatenation_attention(query, key, values, layer.concat_weight)
    else:
        weights = gaussian_attention(query, key, values, scale=layer.scale)
    check_weights(attention_maps(layer, x, at=at)['weights'].values, weights[:, None], at, size)


def axial_reference(layer: nn.Module, x: Tensor) -> Tensor:
    """(B, lines, G, keys, queries)."""
    lines = x.permute(0, 3, 1, 2) if layer.axis == 'height' else x.permute(0, 2, 1, 3)
    several, length = lines.shape[:2], lines.shape[3]
    heads = layer.bn_qkv(layer.qkv_transform(lines.flatten(0, 1))).unflatten(1, (layer.num_heads, -1))
    query, key, _ = heads.split([layer.key_channels, layer.key_channels, layer.value_channels], dim=2)
    value = torch.eye(length).expand(*query.shape[:2], -1, -1)
    depth = 2 * layer.key_channels
    relative = torch.cat([layer.relative[:depth], layer.relative.new_zeros(length, layer.relative.shape[1])])
    found = axial_attention(query, key, value, relative, layer.bn_similarity, span=layer.span)[0]
    return found.unflatten(0, several)


@pytest.mark.parametrize('options', [{}, dict(kernel_size=3), dict(kernel_size=3, span=3)])
@pytest.mark.parametrize('at', PLACES)
def test_axial(x: Tensor, options: dict, at: tuple[int, int]):
    layer = build('AxialAttention', num_heads=4, **options)
    first = axial_reference(layer.height, x)  # (B, W, G, H, H)
    second = axial_reference(layer.width, layer.height(x))
    maps = attention_maps(layer, x, at=at)
    row, column = at
    torch.testing.assert_close(maps['columns'].values[..., column], first[:, column, ..., row], **NEAR)
    torch.testing.assert_close(maps['rows'].values[:, :, row], second[:, row, ..., column], **NEAR)
    through = torch.einsum('bgw,bwh->bghw', second[:, row, ..., column], first[..., row].mean(2))
    torch.testing.assert_close(maps['through'].values, through, **NEAR)
    torch.testing.assert_close(maps['through'].values.sum((2, 3)), torch.ones(B, 4))
    torch.testing.assert_close(attention_maps(layer.height, x, at=at)['columns'].values, maps['columns'].values)


@pytest.mark.parametrize('reduction', [1, 2, 3])
@pytest.mark.parametrize('align_corners', [False, True])
def test_mix(x: Tensor, reduction: int, align_corners: bool):
    keys, at = torch.randn(B, 8, 3, 4), (5, 2)
    options = dict(num_heads=4, query_reduction=reduction, key_norm=True, align_corners=align_corners)
    layer = build('MixAttention', key_channels=8, **options)
    source = layer.key_value(nn.functional.gelu(layer.key_norm(to_tokens(keys))))
    queries = layer._reduce(x) if reduction > 1 else x
    values = torch.eye(12).repeat(1, 4).expand(B, -1, -1)  # each head has its own copy
    key = source[..., :C].unflatten(-1, (4, -1))
    key = nn.functional.pad(key, (0, 12 - key.shape[-1]))  # as wide as the values
    query = layer.query(to_tokens(queries)).unflatten(-1, (4, -1))
    query = nn.functional.pad(query * (12 / query.shape[-1]) ** 0.5, (0, 12 - query.shape[-1]))
    found = multi_head_attention(query.flatten(2), key.flatten(2), values, num_heads=4)  # (B, queries, G keys)
    found = found.transpose(1, 2).unflatten(2, tuple(queries.shape[2:]))
    if reduction > 1:
        assert queries.shape == pool_to_grid(x, reduction).shape
        found = nn.functional.interpolate(found, size=(H, W), mode='bilinear', align_corners=align_corners)
    weights = found.unflatten(1, (4, 12)).flatten(3)
    check_weights(attention_maps(layer, x, keys, at=at)['weights'].values, weights, at, (3, 4))


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('SqueezeExcitation', dict(reduction=4)),
        ('SqueezeExcitation', dict(gate='hard_sigmoid')),
        ('EfficientChannelAttention', dict(kernel_size=3)),
        ('CBAM', dict(reduction=4, pool_types=('avg', 'max', 'lp', 'lse'))),
        ('CBAM', dict(no_spatial=True)),
        ('CoordinateAttention', {}),
        ('SCSE', dict(combine='add')),
    ],
)
def test_gates_give_the_layer(x: Tensor, name: str, options: dict):
    layer = build(name, **options)
    maps = attention_maps(layer, x, at=(3, 2))
    if name == 'CoordinateAttention':
        result = x * maps['row gates'].values[..., None] * maps['column gates'].values[:, :, None]
        torch.testing.assert_close(maps['channels'].values * x[:, :, 3, 2], layer(x)[:, :, 3, 2], **NEAR)
    elif name == 'SCSE':
        result = x * maps['channels'].values[..., None, None] + x * maps['positions'].values
    else:
        result = x * maps['channels'].values[..., None, None]
        result = result * maps['positions'].values if 'positions' in maps else result
    torch.testing.assert_close(result, layer(x), rtol=1e-6, atol=1e-6)


def test_channel_pairs_give_the_layer(x: Tensor):
    layer = build('ChannelAttention')
    found = attention_maps(layer, x, at=(0, 0))['channel pairs'].values @ x.flatten(2)
    torch.testing.assert_close(x + layer.gamma * found.view_as(x), layer(x), rtol=1e-6, atol=1e-6)


def test_dual_has_both(x: Tensor):
    layer = build('DualAttention')
    maps = attention_maps(layer, x, at=(2, 2))
    assert torch.equal(maps['weights'].values, attention_maps(layer.position, x, at=(2, 2))['weights'].values)
    assert maps.keys() == {'weights', 'channel pairs'}


@pytest.mark.parametrize('form', ['grid', 'additive'])
def test_attention_gate(x: Tensor, form: str):
    layer, gate = build('AttentionGate', gate_channels=8, form=form), torch.randn(B, 8, 3, 3)
    found = attention_maps(layer, x, gate, at=(0, 0))['positions'].values
    torch.testing.assert_close(layer.out(found * x), layer(x, gate), **NEAR)


def test_modulation(x: Tensor):
    layer = build('ScaleAwareModulation')
    maps = attention_maps(layer, x, at=(3, 2))
    torch.testing.assert_close(maps['channels'].values, layer.modulator(x)[:, :, 3, 2], **NEAR)
    torch.testing.assert_close(maps['positions'].values[:, 0], layer.modulator(x).abs().mean(1), **NEAR)


def test_no_matrix_of_all_pairs_is_held():
    """On 16,384 positions; the largest tensor is of the axial layer itself, with H weights a position and head."""
    x, largest = torch.randn(1, 8, 128, 128), 0

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            for one in result if isinstance(result, tuple | list) else [result]:
                largest = max(largest, one.numel() if isinstance(one, Tensor) else 0)
            return result

    for name in mechanisms(inputs=1):
        layer = build_attention(name, 8).eval()
        with use_engine('cpu'), Sizes():
            attention_maps(layer, x, at=(60, 70))
    layer = build_attention('MixAttention', 8, key_channels=8).eval()
    with Sizes():
        attention_maps(layer, x, x, at=(60, 70))
    assert 128 * 128 * 8 <= largest < 128**4 / 10


@pytest.mark.parametrize('name', sorted(mechanisms(inputs=1)))
def test_layers_are_left_as_they_are(x: Tensor, name: str):
    layer = build(name).train()
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    maps = attention_maps(layer, x, at=(3, 2))
    assert all(module.training for module in layer.modules())
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    assert all(parameter.requires_grad for parameter in layer.parameters())
    for one in maps.values():
        assert one.values.dim() == 1 + len(one.axes)
        assert set(one.axes) <= set(AXES)
        assert one.values.isfinite().all()
    half = attention_maps(layer.half(), x.half(), at=(3, 2))
    for key, one in half.items():
        assert one.values.dtype == torch.float32
        torch.testing.assert_close(one.values, maps[key].values, rtol=0.05, atol=0.05)
    assert {parameter.dtype for parameter in layer.parameters()} == {torch.float16}


def test_a_watch_takes_the_maps_of_a_network(x: Tensor):
    shared = build('PositionAttention')
    network = nn.ModuleDict(
        dict(stage=nn.Sequential(build('DualAttention'), nn.AvgPool2d(2)), shared=shared, other=nn.Conv2d(C, C, 1))
    )
    watch = AttentionWatch(network, Place(28, 10, 70, 25), image=1)  # ten and five times the grids
    assert watch.layers == ['stage.0', 'shared']
    with watch:
        y = network['stage'](x)
        z = shared(shared(y))
    assert [(one.layer, one.kind, one.call) for one in watch.seen] == [
        ('stage.0', 'DualAttention', 0),
        ('shared', 'PositionAttention', 0),
        ('shared', 'PositionAttention', 1),
    ]
    first = attention_maps(network['stage'][0], x[1:], at=(2, 2))
    assert torch.equal(watch.seen[0].maps['weights'].values, first['weights'].values)
    assert torch.equal(watch.seen[1].maps['weights'].values, attention_maps(shared, y[1:], at=(1, 0))['weights'].values)
    assert z.shape == (B, C, 3, 2)
    watch.clear()
    shared(y)
    assert watch.seen == []


def test_what_is_wrong_is_named(x: Tensor):
    layer = build('PositionAttention')
    with pytest.raises(ValueError, match=r'at must be a row below 7 and a column below 5, got \(7, 0\)'):
        attention_maps(layer, x, at=(7, 0))
    with pytest.raises(TypeError, match='no maps of Conv2d; there are those of AttentionGate, AxialAttention'):
        attention_maps(nn.Conv2d(C, C, 1), x, at=(0, 0))
    with pytest.raises(ValueError, match=r'PositionAttention: expected a \(B, 16, H, W\) input'):
        attention_maps(layer, x[:, :3], at=(0, 0))
    with pytest.raises(ValueError, match='size must be given for PositionAttention'):
        attention_maps(layer, x[0], at=(0, 0))
    with pytest.raises(TypeError, match=r'at must be an integer, got 0\.5'):
        attention_maps(layer, x, at=(0.5, 0))
