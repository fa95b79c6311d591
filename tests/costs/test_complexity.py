"""Counting parameters and multiply-adds."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import FlopAnalyzer
from mmengine.config import Config
from torch import Tensor, nn

from mmattn.attention import build_attention, list_attention
from mmattn.costs.complexity import count_multiply_adds, count_parameters, input_size, segmentor_complexity
from tests.tiny import write_tiny_config


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        return a @ b


def test_convolutions_products_and_fused_attention_count():
    convolution = nn.Conv2d(6, 8, 3, padding=1, groups=2)
    assert count_parameters(convolution) == 6 // 2 * 8 * 9 + 8

    def network(x: Tensor) -> Tensor:
        tokens = convolution(x).flatten(2).mT[:, None]  # (B, 1, 20, 8)
        attended = F.scaled_dot_product_attention(tokens, tokens, tokens)
        return _Product.apply(attended, attended.mT)

    expected = 2 * (20 * 3 * 8 * 9 + 2 * 20 * 20 * 8 + 20 * 20 * 8)
    assert count_multiply_adds(network, torch.zeros(2, 6, 4, 5)) == expected


def test_our_operators_count_or_are_an_error():
    from mmattn.attention.non_local import gaussian_attention as softmax_attention

    query, value = torch.zeros(2, 3, 20), torch.zeros(2, 7, 10)
    assert count_multiply_adds(softmax_attention, query, torch.zeros(2, 3, 10), value) == 2 * 20 * 10 * (3 + 7)

    @torch.library.custom_op('mmattn::uncounted', mutates_args=())
    def uncounted(x: Tensor) -> Tensor:
        return x.clone()

    with pytest.raises(ValueError, match='no formula for the operator mmattn::uncounted'):
        count_multiply_adds(uncounted, torch.zeros(1))


def test_a_segmentor_is_counted_as_it_predicts(tmp_path):
    config = Config.fromfile(write_tiny_config(tmp_path))
    assert input_size(config) == (101, 101)
    first = segmentor_complexity(config, (101, 101))
    assert segmentor_complexity(config, (128, 97)) == first  # padded to 128 x 128 as well
    assert 4 * segmentor_complexity(config, (64, 64)).multiply_adds < first.multiply_adds  # attention is not linear
    del config.model['auxiliary_head']
    assert segmentor_complexity(config, (101, 101)) == first


def test_counting_leaves_the_config_as_it_is(tmp_path):
    config = Config.fromfile(write_tiny_config(tmp_path))
    config.model.pretrained = 'open-mmlab://resnet18_v1c'  # which building moves into the backbone
    before = config.model.to_dict()
    assert segmentor_complexity(config, (64, 64)) == segmentor_complexity(config, (64, 64))
    assert config.model.to_dict() == before


def test_the_size_may_be_the_preprocessors():
    model = dict(data_preprocessor=dict(size=(512, 1024)))
    assert input_size(Config(dict(model=model))) == (512, 1024)
    steps = [dict(type='Resize', scale=(640, 480), keep_ratio=True), dict(type='Resize', scale=(320, 224))]
    assert input_size(Config(dict(model=dict(), train_pipeline=steps))) == (224, 320)
    with pytest.raises(ValueError, match='no crop_size in train_dataloader'):
        input_size(Config(dict(model=dict())))


def test_fused_attention_counts():
    query, key = torch.randn(1, 8, 64, 32), torch.randn(1, 8, 100, 32)
    counted = count_multiply_adds(torch.nn.functional.scaled_dot_product_attention, query, key, key)
    assert counted == 2 * 8 * 64 * 100 * 32


@pytest.mark.parametrize('name', list_attention())
def test_mmengines_counter_agrees(name: str):
    """It follows a trace, in which our layers run by operators that it knows; it counts normalisation on top."""
    layer, x = build_attention(name, 256).eval(), torch.randn(1, 256, 26, 20)
    analyzer = FlopAnalyzer(layer, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    assert analyzer.total() == pytest.approx(count_multiply_adds(layer, x), rel=0.02)
