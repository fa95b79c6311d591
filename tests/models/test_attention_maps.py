"""The maps of attention inside backbones, against multi-head attention whose values are the positions themselves."""

import pytest
import torch

from mmattn.attention import multi_head_attention, use_engine
from mmattn.attention.maps import attention_maps
from mmattn.models.attention_maps import grid_of
from mmattn.models.blocks import lvt, smt, swin, vit
from mmattn.models.blocks.swin import SwinBlock

SIZE, C, HEADS = (4, 6), 48, 2
AT = (2, 5)


@pytest.fixture(autouse=True)
def reference():
    with use_engine('reference'), torch.no_grad():
        yield


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(1, SIZE[0] * SIZE[1], C)


def weights_of(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(1, HEADS, M) of the position, from the reference: the value of key m is 1 in channel m of each head."""
    places = key.shape[1]
    values = torch.nn.functional.pad(torch.eye(places), (0, C // HEADS - places)).repeat(1, HEADS)[None]
    found = multi_head_attention(query, key, values, num_heads=HEADS)[:, AT[0] * SIZE[1] + AT[1]]
    return found.unflatten(1, (HEADS, -1))[..., :places]


def test_vit(tokens: torch.Tensor):
    layer = vit.SelfAttention(C, num_heads=HEADS).eval()
    found = attention_maps(layer, tokens, at=(10, 22), size=(16, 24))['weights'].values
    expected = weights_of(layer.query(tokens), layer.key(tokens))
    torch.testing.assert_close(found.flatten(2), expected, rtol=0, atol=1e-6)
    assert found.shape[2:] == SIZE


def test_smt(tokens: torch.Tensor):
    layer = smt.SelfAttention(C, num_heads=HEADS).eval()
    found = attention_maps(layer, tokens, SIZE, at=AT, size=SIZE)['weights'].values
    expected = weights_of(layer.query(tokens), layer.key_value(tokens).chunk(2, -1)[0])
    torch.testing.assert_close(found.flatten(2), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('reduction', [1, 2])
def test_lvt(tokens: torch.Tensor, reduction: int):
    layer = lvt.RecursiveAtrousSelfAttention(C, num_heads=HEADS, reduction=reduction).eval()
    found = attention_maps(layer, tokens, SIZE, at=AT, size=SIZE)['weights'].values
    key = layer.key_value(layer._source(tokens, SIZE)).chunk(2, -1)[0]
    torch.testing.assert_close(found.flatten(2), weights_of(layer._query(tokens, SIZE), key), rtol=0, atol=1e-6)
    assert found.shape[2:] == (SIZE[0] // reduction, SIZE[1] // reduction)


def test_modulation_of_tokens(tokens: torch.Tensor):
    layer = smt.TokenModulation(C).eval()
    maps = attention_maps(layer, tokens, SIZE, at=AT, size=SIZE)
    assert maps['channels'].values.shape == (1, C)
    assert maps['positions'].values.shape == (1, 1, *SIZE)


@pytest.mark.parametrize('shifted', [False, True])
@pytest.mark.parametrize('at', [(0, 0), (2, 5), (6, 3), (8, 6)])
def test_swin(monkeypatch, shifted: bool, at: tuple[int, int]):
    """On 9 x 7 tokens in windows of 4 x 4: padded, and shifted by 2."""
    block, x = SwinBlock(C, num_heads=HEADS, window_size=4, shifted=shifted).eval(), torch.randn(2, 9, 7, C)
    torch.nn.init.normal_(block.attention.bias_table)
    seen, from_layer = [], swin.attend
    monkeypatch.setattr('mmattn.models.blocks.swin.attend', lambda *given: seen.append(given) or from_layer(*given))
    block(x)
    query, key, _, bias = seen[0][:4]
    weights = from_layer(query, key, torch.eye(16).expand(*query.shape[:2], -1, -1), bias)
    # to (B, windows, heads, queries, keys), then to the rolled and padded map
    if shifted:
        weights = weights.unflatten(0, (6, HEADS)).permute(2, 0, 1, 3, 4)
    else:
        weights = weights.unflatten(1, (2, 6)).permute(1, 2, 0, 3, 4)
    row, column = ((at[axis] - 2 * shifted) % length for axis, length in ((0, 12), (1, 8)))
    window, own = row // 4 * 2 + column // 4, row % 4 * 4 + column % 4
    grid = torch.zeros(2, HEADS, 12, 8)
    top, left = row // 4 * 4, column // 4 * 4
    grid[:, :, top : top + 4, left : left + 4] = weights[:, window, :, own].unflatten(-1, (4, 4))
    expected = grid.roll((2 * shifted, 2 * shifted), (2, 3))[:, :, :9, :7]
    found = attention_maps(block, x, at=at, size=(9, 7))['weights'].values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('at', [(0, 0), (1, 1), (2, 3), (3, 5)])
def test_lvt_windows(tokens: torch.Tensor, at: tuple[int, int]):
    """The value matrices and the projection taken as identities, and each position's value a channel of its own."""
    layer = lvt.ConvolutionalSelfAttention(C, num_heads=HEADS).eval()
    torch.nn.init.normal_(layer.logits.weight, std=0.3)
    found = attention_maps(layer, tokens, SIZE, at=at, size=SIZE)['weights'].values
    weights = layer._attention(tokens.mT.unflatten(2, SIZE))
    plain = lvt.ConvolutionalSelfAttention(C, num_heads=HEADS).eval()
    plain._attention = lambda x: weights
    with torch.no_grad():
        plain.value.copy_(torch.eye(C).expand(9, -1, -1))
        plain.proj.weight.copy_(torch.eye(C))
        plain.proj.bias.zero_()
    values = torch.eye(24).repeat(1, HEADS)[None]  # (1, positions, heads x positions)
    expected = plain(values, SIZE)[:, at[0] * SIZE[1] + at[1]].unflatten(1, (HEADS, -1)).unflatten(2, SIZE)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('length', 'ratio', 'size'), [(24, 4 / 6, (4, 6)), (49, 1, (7, 7)), (12, 3.0, (6, 2))])
def test_grids_of_tokens(length: int, ratio: float, size: tuple[int, int]):
    assert grid_of(length, ratio) == size
