"""The maps of attention inside backbones, against multi-head attention whose values are the positions themselves."""

import pytest
import torch

from mmattn.attention import multi_head_attention, use_engine
from mmattn.attention.maps import attention_maps, has_maps
from mmattn.models.attention_maps import grid_of
from mmattn.models.blocks import lvt, smt, vit
from mmattn.models.blocks.swin import WindowAttention

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


def test_windows_have_none():
    assert not has_maps(WindowAttention(8, num_heads=2, window_size=2))


@pytest.mark.parametrize(('length', 'ratio', 'size'), [(24, 4 / 6, (4, 6)), (49, 1, (7, 7)), (12, 3.0, (6, 2))])
def test_grids_of_tokens(length: int, ratio: float, size: tuple[int, int]):
    assert grid_of(length, ratio) == size
