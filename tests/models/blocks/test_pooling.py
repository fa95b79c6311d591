"""Adaptive average pooling in traces and older ONNX files."""

import io

import onnxruntime
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmattn.models.blocks.pooling import TraceablePool


@pytest.mark.parametrize('opset', [11, 13, 17])
@pytest.mark.parametrize('size', [1, 4, (2, 3), (None, 2)])
def test_exports_at_any_size(size, opset: int):
    pool, plain, x = TraceablePool(size), nn.AdaptiveAvgPool2d(size), torch.randn(1, 2, 5, 7)
    torch.testing.assert_close(torch.jit.trace(pool, x)(x), plain(x))
    file, axes = io.BytesIO(), {'x': {0: 'b', 2: 'h', 3: 'w'}}
    torch.onnx.export(pool, (x,), file, dynamo=False, opset_version=opset, input_names=['x'], dynamic_axes=axes)
    session = onnxruntime.InferenceSession(file.getvalue())
    for shape in ((1, 2, 5, 7), (2, 2, 8, 4), (1, 2, 3, 11)):
        x = torch.randn(shape)
        torch.testing.assert_close(torch.from_numpy(session.run(None, {'x': x.numpy()})[0]), plain(x))


def test_mmsegs_heads_have_it():
    head = MODELS.build(dict(type='PSPHead', in_channels=4, channels=4, num_classes=3, pool_scales=(1, 3))).eval()
    assert sum(isinstance(module, TraceablePool) for module in head.modules()) == 2
    x = [torch.randn(1, 4, 7, 5)]
    torch.testing.assert_close(torch.jit.trace(head, (x,), check_trace=False)(x), head(x))
