"""Other programs give PyTorch's predictions, are kept translated, and are not used where they differ."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmattn.inference import SaltPredictor, TilePredictor, VolumeOptions, backends, predict_section, predict_volume
from mmattn.inference.backends import BackendError, check_backend, export_network, run_by_backend
from mmattn.seismic import ArrayVolume
from mmattn.seismic.synthetic import SyntheticSurvey, make_volume
from tests.inference.models import GreyModel, build_tiny

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')
METAS = [dict(img_shape=torch.Size((64, 72)), ori_shape=(64, 72))]


@pytest.fixture(autouse=True, scope='module')
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder: each network is translated once."""
    folder = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(folder))
        yield folder / 'mmattn' / 'networks'


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged."""
    kept: list[str] = []
    monkeypatch.setattr(backends, 'print_log', lambda text, **_: kept.append(text))
    monkeypatch.setattr('mmattn.inference.predictor.print_log', lambda text, **_: kept.append(text))
    return kept


@pytest.fixture
def wrong_by(monkeypatch: pytest.MonkeyPatch):
    """Makes all backends' logits wrong by a function of the inputs."""
    right = backends._OPEN['onnxruntime']

    def spoil(change) -> None:
        def opened(path: Path):
            run = right(path)
            return lambda inputs: run(inputs) + change(inputs)

        monkeypatch.setattr(backends, '_OPEN', dict(onnxruntime=opened, openvino=opened))
        monkeypatch.setattr(backends, 'find_spec', lambda name: True)

    return spoil


def never(*_, **__):
    raise AssertionError('translated again')


class SmallModel(GreyModel):
    """Enough to be told apart from other programs by rounding, and translated in a second."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(1, 1, 7, padding=3)

    def encode_decode(self, inputs, batch_img_metas):
        """Logits as large as the images are said to be."""
        height, width = batch_img_metas[0]['img_shape']
        return self.conv_seg(inputs)[:, :, :height, :width]


def build_small() -> SmallModel:
    """The same weights each time."""
    torch.manual_seed(0)
    return SmallModel().eval()


@pytest.mark.slow
def test_a_network_of_many_layers(tmp_path: Path):
    model, section = build_tiny(), SyntheticSurvey((70, 150), seed=5).section(3).image
    expected = predict_section(model, section, window=(64, 64))
    assert np.abs(predict_section(model, section, window=(64, 64), backend='onnxruntime') - expected).max() < 1e-4


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_predictions_are_pytorch_s(backend: str, cache: Path, monkeypatch, said: list[str]):
    if backend == 'openvino':
        pytest.importorskip('openvino')
    section = SyntheticSurvey((70, 150), seed=5).section(3).image
    model = build_small()
    expected = predict_section(model, section, window=(64, 64), batch_size=4)
    given = predict_section(model, section, window=(64, 64), batch_size=4, backend=backend)
    assert np.abs(given - expected).max() < 1e-4
    files = sorted(cache.glob('*.onnx'))
    monkeypatch.setattr('mmattn.inference.onnx_export.export_logits', never)
    again = SaltPredictor(model, window=(64, 64), batch_size=4, backend=backend)
    assert np.array_equal(again(section), given)
    assert sorted(cache.glob('*.onnx')) == files != []


def test_a_damaged_file_is_written_again(cache: Path, said: list[str]):
    for path in cache.glob('*.onnx'):
        path.unlink()  # what other tests left
    TilePredictor(build_small(), backend='onnxruntime')
    (path,) = cache.glob('*.onnx')
    path.write_bytes(path.read_bytes()[:1000])
    assert TilePredictor(build_small(), backend='onnxruntime').backend.startswith('onnxruntime ')
    assert path.stat().st_size > 1000
    assert f'{path} cannot be used and is written again' in said[-2]


def test_a_wrong_backend_is_refused_and_auto_says_so(wrong_by, said: list[str]):
    wrong_by(lambda inputs: 1e-2)
    with pytest.raises(BackendError, match=r'differs from PyTorch by 0.00\d in probability on noise, more than 0.0001'):
        TilePredictor(build_small(), backend='onnxruntime')
    assert TilePredictor(build_small(), backend='auto').backend == 'torch'
    assert re.match('backend auto: torch, since openvino .* differs .*; onnxruntime .* differs', said[-1])


def test_windows_of_the_survey_decide_too(wrong_by, said: list[str], tmp_path: Path):
    wrong_by(lambda inputs: 1e-2 * (inputs.shape[0] > 3))  # as the checks of the construction do not see
    volume = ArrayVolume(make_volume((6, 40, 70), seed=0)[0])
    options = dict(window=(32, 32), batch_size=5, directions=('iline',), clip='survey')
    with pytest.raises(ValueError, match='on windows of the survey'):
        predict_volume(build_small(), volume, tmp_path / 'x.npy', options=VolumeOptions(backend='openvino', **options))
    result = predict_volume(build_small(), volume, tmp_path / 'x.npy', options=VolumeOptions(backend='auto', **options))
    assert result.backend == 'torch'
    assert 'backend auto: torch, since openvino' in said[-1]


def test_a_volume_goes_on_with_the_same_backend_alone(tmp_path: Path):
    volume = ArrayVolume(make_volume((20, 40, 48), seed=0)[0])
    options = dict(window=(32, 32), batch_size=4, directions=('iline',), clip='survey')

    def stop(stage: str, done: int, total: int) -> None:
        if stage == 'predict':
            raise KeyboardInterrupt

    ours = VolumeOptions(backend='onnxruntime', **options)
    whole = predict_volume(build_small(), volume, tmp_path / 'whole.npy', options=ours)
    assert whole.backend.startswith('onnxruntime ')
    with pytest.raises(KeyboardInterrupt):
        predict_volume(build_small(), volume, tmp_path / 'cut.npy', options=ours, progress=stop)
    with pytest.raises(ValueError, match='backend'):
        predict_volume(build_small(), volume, tmp_path / 'cut.npy', options=VolumeOptions(**options), resume=True)
    predict_volume(build_small(), volume, tmp_path / 'cut.npy', options=ours, resume=True)
    assert np.array_equal(np.load(tmp_path / 'cut.npy'), np.load(tmp_path / 'whole.npy'))
    expected = predict_volume(build_small(), volume, tmp_path / 'torch.npy', options=VolumeOptions(**options))
    assert expected.backend == 'torch'
    assert np.abs(np.load(tmp_path / 'torch.npy') - np.load(tmp_path / 'whole.npy')).max() < 1e-4


class Wrapped(nn.Module):
    """A segmentor in what processes or test-time augmentation put around it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def test_a_segmentor_s_own_test_is_computed_by_it(said: list[str]):
    model = build_small()
    x = torch.randn(1, 1, 64, 72)
    expected = model.encode_decode(x, METAS)
    weight = model.conv_seg.weight.data
    run_by_backend(Wrapped(model), 'onnxruntime')
    weight *= 2  # as a checkpoint does that is read afterwards
    first, second = (model.encode_decode(x, METAS) for _ in range(2))
    assert not torch.allclose(first, expected)
    assert first.requires_grad
    assert not second.requires_grad  # PyTorch's has gradients; on some processors the numbers are the same
    assert torch.allclose(first, second, atol=1e-3)
    smaller = model.encode_decode(x, [dict(img_shape=torch.Size((60, 70)))])  # a size that was not translated
    assert smaller.shape[2:] == (60, 70)
    run_by_backend(other := build_small(), 'torch')
    assert 'encode_decode' not in vars(other)


def test_the_first_images_decide_there(wrong_by, said: list[str]):
    wrong_by(lambda inputs: 1e-2 * (inputs.shape[3] == 72))
    for backend in ('auto', 'onnxruntime'):
        model = build_small()
        run_by_backend(model, backend)
        x = torch.randn(1, 1, 64, 72)
        if backend == 'auto':
            assert torch.equal(model.encode_decode(x, METAS), build_small().encode_decode(x, METAS))
            assert 'encode_decode' not in vars(model)
            assert 'differs from PyTorch' in said[-1]
        else:
            with pytest.raises(BackendError, match='on the first images'):
                model.encode_decode(x, METAS)


def test_what_cannot_be_is_named(monkeypatch, said: list[str]):
    with pytest.raises(ValueError, match="got 'onnxruntimes'; did you mean 'onnxruntime'"):
        VolumeOptions(backend='onnxruntimes')
    with pytest.raises(BackendError, match='computes in float32: amp goes with torch alone'):
        check_backend('onnxruntime', amp=True)
    with pytest.raises(BackendError, match='computes on CPUs, the network is on cuda'):
        check_backend('onnxruntime', 'cuda')
    assert TilePredictor(build_small(), backend='auto', amp=True).backend == 'torch'
    monkeypatch.setattr(backends, 'find_spec', lambda name: None)
    with pytest.raises(BackendError, match=r"needs openvino, onnx, onnxscript: pip install 'mmattn\[openvino\]'"):
        check_backend('openvino')
    assert export_network(GreyModel(), 'auto') is None
    assert 'needs onnxruntime' in said[-1]
    check_backend('auto', 'cuda', amp=True)


def test_a_network_that_cannot_be_translated(monkeypatch, said: list[str]):
    class Odd(GreyModel):
        def encode_decode(self, inputs, batch_img_metas):
            return inputs * float(inputs.mean())  # a number that a graph does not have

    with pytest.raises(BackendError, match=r'onnxruntime .* cannot compute this network'):
        export_network(Odd(), 'onnxruntime')
    assert export_network(Odd(), 'auto') is None
