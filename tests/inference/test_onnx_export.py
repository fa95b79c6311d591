"""ONNX files give what PyTorch gives, at sizes that the exporter never saw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.apis import init_model

from mmattn.inference.onnx_export import INPUT, OUTPUT, compare_onnx, export_onnx
from mmattn.models import SaltDataPreProcessor
from tests.inference.models import GreyModel, build_tiny
from tests.tiny import write_tiny_config

onnxruntime = pytest.importorskip('onnxruntime')
SIZES = [(101, 101), (33, 200), (64, 64), (20, 71)]


@pytest.mark.slow
@pytest.mark.parametrize('options', [{}, dict(out_channels=2), dict(in_channels=3)], ids=['one', 'two', 'three in'])
def test_any_size(options: dict, tmp_path: Path):
    model = build_tiny(**options)
    path = export_onnx(model, tmp_path / 'model.onnx')
    assert max(compare_onnx(model, path, SIZES).values()) < 1e-4


@pytest.mark.slow
def test_each_section_by_itself_and_a_temperature(tmp_path: Path):
    model = build_tiny()
    model.data_preprocessor = SaltDataPreProcessor(per_section=True, size_divisor=model.data_preprocessor.size_divisor)
    model.dataset_meta = dict(temperature=2.5)
    path = export_onnx(model, tmp_path / 'model.onnx')
    assert max(compare_onnx(model, path, SIZES[:2]).values()) < 1e-4


@pytest.mark.slow
def test_a_config_of_ours(tmp_path: Path):
    torch.manual_seed(0)
    model = init_model(str(write_tiny_config(tmp_path)), device='cpu')
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    path = export_onnx(model, tmp_path / 'model.onnx')
    assert max(compare_onnx(model, path, SIZES[:3]).values()) < 1e-4


@pytest.mark.slow
def test_without_preprocessing(tmp_path: Path):
    model = build_tiny()
    path = export_onnx(model, tmp_path / 'model.onnx', preprocessing=False)
    session = onnxruntime.InferenceSession(path)
    x = np.random.default_rng(0).normal(size=(1, 1, 40, 72)).astype(np.float32)
    (given,) = session.run([OUTPUT], {INPUT: x})
    with torch.no_grad():
        expected = model.encode_decode(torch.from_numpy(x), [dict(img_shape=(40, 72), ori_shape=(40, 72))]).sigmoid()
    assert np.abs(given - expected.numpy()).max() < 1e-4


def test_what_cannot_be_exported(tmp_path: Path):
    with pytest.raises(TypeError, match='must be an EncoderDecoder'):
        export_onnx(torch.nn.Linear(1, 1), tmp_path / 'x.onnx')
    model = GreyModel()
    model.data_preprocessor.enlarge = 2
    with pytest.raises(ValueError, match=r'enlarge=2\) cannot be put into the file'):
        export_onnx(model, tmp_path / 'x.onnx')
    assert not (tmp_path / 'x.onnx').exists()
