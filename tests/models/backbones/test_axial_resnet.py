"""Axial-ResNet: the contract, the published blocks and names, and what is not published: any size, stride and span."""

import re
from ast import literal_eval
from pathlib import Path

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmattn.checkpoints import convert_checkpoint, convert_state_dict
from mmattn.models.backbones import AxialResNet
from mmattn.models.blocks.axial import AxialBlock
from tests.golden_vectors import load_golden
from tests.models.backbones.contract import BackboneContract

TINY = dict(width=0.125, num_heads=4)
NAMES = Path(__file__).parents[2] / 'golden' / 'axial26s_state_dict.txt'


def opened(network: nn.Module) -> nn.Module:
    """Lets the branches of all blocks count, which a new network's do not yet."""
    for block in network.modules():
        if isinstance(block, AxialBlock):
            nn.init.uniform_(block.bn2.weight, 0.5, 1.0)
    return network


class TestContract(BackboneContract):
    name = 'AxialResNet'
    options = dict(TINY, kernel_size=(6, 3, 2, 2))
    channels = (32, 64, 128, 256)
    frozen = (1, ('conv1', 'bn1', 'layer1', 'layer2'))
    silent_parameters = ('bn_similarity.bias',)  # the same for all keys of a query: softmax ignores it

    multiple, graph_options = 32, dict(out_indices=(0,))

    def build(self, **options) -> nn.Module:
        return opened(super().build(**options))


def published_block(name: str, in_channels: int, stride: int) -> tuple[AxialBlock, dict[str, torch.Tensor]]:
    weights, vectors = load_golden(name)
    block = AxialBlock(in_channels, 16, num_heads=2, kernel_size=8, stride=stride)
    block.load_state_dict(convert_state_dict({f'layer2.0.{k}': v for k, v in weights.items()}, 'axial-deeplab'))
    return block.eval(), vectors


@pytest.mark.parametrize(('name', 'in_channels', 'stride'), [('axial_block', 32, 1), ('axial_block_s2', 24, 2)])
def test_equals_the_published_block(name: str, in_channels: int, stride: int):
    block, vectors = published_block(name, in_channels, stride)
    torch.testing.assert_close(block(vectors['x/x']), vectors['y/out'], rtol=1e-5, atol=1e-5)


def published_network() -> dict[str, torch.Tensor]:
    lines = (line.split(' ', 1) for line in NAMES.read_text().splitlines())
    return {name: torch.randint(9, literal_eval(shape)).float() for name, shape in lines}


def test_takes_every_tensor_of_the_published_network(tmp_path):
    weights = published_network()
    conversion = convert_checkpoint({f'module.{name}': value for name, value in weights.items()}, 'axial-deeplab')
    assert [name for name in conversion.dropped if not name.endswith('flatten_index')] == ['fc.weight', 'fc.bias']
    network = AxialResNet()
    network.load_state_dict(conversion.tensors)
    for name, value in weights.items():
        ours = name.replace('hight_block', 'height').replace('width_block', 'width')
        assert ours in conversion.renamed.values() or name in conversion.dropped
        assert name in conversion.dropped or torch.equal(network.state_dict()[ours], value)
    torch.save(dict(state_dict=weights), tmp_path / 'published.pth')
    weights_from = dict(type='Pretrained', checkpoint=str(tmp_path / 'published.pth'), source='axial-deeplab')
    other = AxialResNet(init_cfg=weights_from)
    other.init_weights()
    assert torch.equal(other.layer4[0].width.relative, weights['layer4.0.width_block.relative'])


@pytest.mark.parametrize(
    ('gone', 'missing'),
    [
        ('conv1.weight', 'conv1.weight'),
        ('bn1.bias', 'bn1.bias'),
        ('layer2.0.downsample.1.running_var', 'layer2.0.downsample.1.running_var'),
        ('layer3.1.conv_up.weight', 'layer3.1.conv_up.weight'),
        ('layer3.2.hight_block.bn_qkv.bias', 'layer3.2.height.bn_qkv.bias'),
        ('layer3.2.', 'layer3.2.conv_down.weight'),
        ('layer2.0.downsample.', 'layer2.0.downsample.0.weight'),
        ('layer2.1.width_block.', 'layer2.1.width.relative'),
        ('layer4.', 'layer4.0.conv_down.weight'),
    ],
)
def test_a_published_network_without_some_of_its_tensors_is_an_error(gone: str, missing: str):
    weights = {name: torch.ones(1) for name in published_network() if not name.startswith(gone)}
    with pytest.raises(KeyError, match=re.escape(f'missing {missing}')):
        convert_state_dict(weights, 'axial-deeplab')


@pytest.mark.parametrize(
    ('depth', 'width', 'parameters'),
    [(26, 0.5, 5_944_936), (50, 0.5, 11_586_216), (50, 0.75, 25_179_400), (50, 1.0, 43_973_480)],
)
def test_parameters_are_the_published_ones(depth: int, width: float, parameters: int):
    with torch.device('meta'):
        network = AxialResNet(depth, width=width)
    classifier = 1000 * (round(2048 * width) + 1)
    assert sum(parameter.numel() for parameter in network.parameters()) + classifier == parameters


@pytest.mark.parametrize(
    ('output_stride', 'sizes'), [(32, (23, 12, 6, 3)), (16, (23, 12, 6, 6)), (8, (23, 12, 12, 12))]
)
def test_output_stride(output_stride: int, sizes: tuple[int, ...]):
    network = AxialResNet(**TINY, output_stride=output_stride, kernel_size=(9, 7, 5, 3)).eval()
    assert [y.shape[-1] for y in network(torch.randn(1, 3, 40, 90))] == list(sizes)
    first, last = network.layer3[0].height, network.layer4[0].height
    assert first.kernel_size == 7
    assert last.kernel_size == {32: 5, 16: 5, 8: 7}[output_stride]
    assert network.layer3[1].height.kernel_size == {32: 5, 16: 5, 8: 7}[output_stride]


def test_span_is_local_on_long_axes_only():
    """With one stage, a position reaches its span along each axis, then what the stem sees."""
    options = dict(TINY, out_indices=(0,), kernel_size=(8, 4, 2, 1))
    narrow, wide = (opened(AxialResNet(**options, span=span)).eval() for span in (3, 15))
    wide.load_state_dict(narrow.state_dict())
    fits, long = torch.randn(1, 3, 32, 32), torch.randn(1, 3, 64, 48)
    torch.testing.assert_close(narrow(fits)[0], wide(fits)[0])
    assert not torch.allclose(narrow(long)[0], wide(long)[0])
    long.requires_grad_()
    narrow(long)[0][0, :, 8, 6].sum().backward()
    rows = long.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    stem = 7  # pixels to each side that a position of the stem sees, at most
    assert rows.min() >= 32 - 4 - stem
    assert rows.max() <= 32 + 4 + stem


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that an operator returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.elements = max([self.elements, *sizes])
        return out


def test_memory_is_linear_in_the_area():
    network = AxialResNet(width=0.125, num_heads=8, kernel_size=(8, 8, 8, 8), out_indices=(0,)).train()
    largest = []
    for length in (256, 512, 1024):
        with LargestTensor() as seen:
            network(torch.randn(1, 3, 64, length))[0].sum().backward()
        largest.append(seen.elements)
    assert largest[1] <= 2.1 * largest[0]
    assert largest[2] <= 2.1 * largest[1]


def test_checkpointing_changes_nothing():
    torch.manual_seed(1)
    plain = opened(AxialResNet(**TINY)).train()
    lean = AxialResNet(**TINY, with_cp=True).train()
    lean.load_state_dict(plain.state_dict())
    x, gradients = torch.randn(2, 3, 64, 96), []
    for network in (plain, lean):
        sum(y.square().mean() for y in network(x)).backward()
        gradients.append({name: parameter.grad for name, parameter in network.named_parameters()})
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(lean.state_dict(), plain.state_dict())


def test_checkpointing_keeps_less():
    def kept(with_cp: bool) -> int:
        elements = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: elements.append(tensor.numel()), id):
            AxialResNet(**TINY, with_cp=with_cp).train()(torch.randn(2, 3, 64, 96))
        return sum(elements)

    assert kept(True) < 0.3 * kept(False)


def test_norm_cfg_reaches_the_attention():
    network = AxialResNet(**TINY, norm_cfg=dict(type='SyncBN', eps=1e-3, momentum=0.01, requires_grad=False))
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    assert len(norms) == 1 + 4 + 8 * (2 + 6)
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
    assert {(norm.eps, norm.momentum, norm.weight.requires_grad) for norm in norms} == {(1e-3, 0.01, False)}
    reverted = revert_sync_batchnorm(network).train()
    assert all(y.isfinite().all() for y in reverted(torch.randn(2, 3, 64, 96)))


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(depth=34), ValueError, r'depth must be one of \(26, 50\), got 34'),
        (dict(output_stride=4), ValueError, r'output_stride must be one of \(32, 16, 8\), got 4'),
        (dict(width='S'), TypeError, "width must be a number, got 'S'"),
        (dict(width=-1), ValueError, 'width must be above 0, got -1'),
        (dict(width=0.3), ValueError, 'width must be a positive multiple of 1/8, got 0.3'),
        (dict(num_heads=7), ValueError, r'num_heads must divide 128 \* width \(64\), got 7'),
        (dict(kernel_size=(56, 28)), ValueError, r'kernel_size must have 4 numbers, got \(56, 28\)'),
        (dict(kernel_size=56), ValueError, 'kernel_size must have 4 numbers, got 56'),
        (dict(kernel_size=(56, 28, 14, 0)), ValueError, 'kernel_size must be at least 1, got 0'),
        (dict(span=0), ValueError, 'span must be at least 1, got 0'),
        (dict(in_channels=1.5), TypeError, 'in_channels must be an integer, got 1.5'),
        (dict(norm_cfg='BN'), ValueError, "norm_cfg must have a type of .*, got 'BN'"),
        (dict(norm_cfg=dict(type='GN')), ValueError, r"norm_cfg must have a type of .*, got \{'type': 'GN'\}"),
        (dict(norm_cfg=dict(type='BN', affine=False)), ValueError, "norm_cfg may have the options .*, got 'affine'"),
    ],
)
def test_wrong_values_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=f'^AxialResNet: {message}'):
        AxialResNet(**options)
