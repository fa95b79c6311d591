"""Channel attention: the contract, the published vectors and the definition."""

import pytest
import torch

from mmattn.attention import ChannelAttention, channel_attention
from mmattn.checkpoints import convert_state_dict
from mmattn.kernels import channel as channel_op
from mmattn.kernels.engines import use_engine
from tests.attention.contract import AttentionContract
from tests.golden_vectors import load_golden


class TestContract(AttentionContract):
    name = 'ChannelAttention'


def published(prefix: str = '') -> tuple[ChannelAttention, dict[str, torch.Tensor]]:
    weights, vectors = load_golden('danet_cam')
    layer = ChannelAttention(32)
    layer.load_state_dict(convert_state_dict({prefix + key: value for key, value in weights.items()}, 'danet'))
    return layer, vectors


@pytest.mark.parametrize('prefix', ['', 'sc.', 'module.head.sc.'])
@pytest.mark.parametrize('case', ['a', 'b'])
def test_equals_the_published_layer(case: str, prefix: str):
    layer, vectors = published(prefix)
    torch.testing.assert_close(layer(vectors[f'x/{case}']), vectors[f'y/{case}'], rtol=1e-5, atol=1e-5)


def test_equals_the_published_gradients():
    layer, vectors = published()
    x = vectors['x/a'].requires_grad_()
    layer(x).backward(vectors['x/dy_a'])
    expected = vectors['y/dx_a']
    torch.testing.assert_close(x.grad, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    torch.testing.assert_close(layer.gamma.grad, vectors['y/grad_a/gamma'], rtol=1e-5, atol=1e-5)


def test_equals_the_definition_channel_by_channel():
    x = torch.randn(1, 4, 3, 2)
    result, flat = channel_attention(x), x[0].flatten(1)
    for index in range(4):
        gram = flat @ flat[index]
        weights = (gram.max() - gram).softmax(0)
        torch.testing.assert_close(result[0, index].flatten(), weights @ flat)


@pytest.mark.parametrize('size', [(3, 5), (1, 1), (9, 8)])
def test_the_operator_of_many_channels_gives_the_same(monkeypatch, size: tuple[int, int]):
    monkeypatch.setattr(channel_op, 'PIECE', 40)
    x = torch.randn(2, 6, *size, requires_grad=True)
    grad = torch.randn(x.shape)
    expected = channel_attention(x)
    monkeypatch.setattr(channel_op, 'MANY_CHANNELS', 6)
    result = channel_attention(x)
    assert 'mmattn_channel_attention' in str(result.grad_fn.next_functions)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    ours, theirs = (torch.autograd.grad(y, x, grad)[0] for y in (result, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.library.opcheck(torch.ops.mmattn.channel_attention, (x.flatten(2),))


def test_the_operator_in_bfloat16(monkeypatch):
    """Channels that are much alike, where the sums of the gradient cancel."""
    monkeypatch.setattr(channel_op, 'STRIP', 4)
    monkeypatch.setattr(channel_op, 'has_bfloat16', lambda: True)
    x = (0.1 * torch.randn(2, 6, 40, 50) + torch.randn(2, 1, 40, 50)).bfloat16().requires_grad_()
    grad = torch.randn(x.shape).bfloat16()
    wide = x.detach().double().requires_grad_()
    result, expected = channel_attention(x), channel_attention(wide)
    assert 'mmattn_channel_attention' in str(result.grad_fn.next_functions)
    with use_engine('reference'):
        (plain,) = torch.autograd.grad(channel_attention(x), x, grad)
    ours, theirs = torch.autograd.grad(result, x, grad)[0], torch.autograd.grad(expected, wide, grad.double())[0]
    assert result.dtype == ours.dtype == torch.bfloat16
    assert (result.double() - expected).norm() < 0.004 * expected.norm()
    assert (ours.double() - theirs).norm() < 1.2 * (plain.double() - theirs).norm()
    torch.library.opcheck(torch.ops.mmattn.channel_attention, (x.flatten(2),))


@pytest.mark.parametrize('count', [7, 9409])
def test_logits_of_bfloat16_are_those_of_float32(monkeypatch, count: int):
    """One product of bfloat16 alone is off by a hundredth of this and more, which a softmax makes a factor."""
    monkeypatch.setattr(channel_op, 'STRIP', 48)
    image = (0.3 + torch.randn(130, count)).bfloat16()
    exact = image.double() @ image.double().t()
    gram = channel_op._gram(image)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram.double(), exact, rtol=1e-5, atol=2e-6 * count)
    assert ((image @ image.t()).double() - exact).abs().max() > 100 * (gram - exact).abs().max()


class TestContractOfManyChannels(AttentionContract):
    """The contract where the operator takes over."""

    name = 'ChannelAttention'

    @pytest.fixture(autouse=True)
    def _many(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(channel_op, 'MANY_CHANNELS', 1)


def test_twice_differentiable():
    x = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(channel_attention, x)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_sums_that_overflow_float16(dtype: torch.dtype):
    x = (4 * torch.randn(1, 8, 97, 97)).relu().to(dtype)  # the published code gives NaN in float16
    y = channel_attention(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), channel_attention(x.float()), rtol=1e-2, atol=1e-2)


def test_starts_as_the_identity():
    x = torch.randn(2, 16, 5, 4)
    assert torch.equal(ChannelAttention(16)(x), x)
