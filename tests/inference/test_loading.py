"""Networks are saved as plain folders and loaded from wherever they are, with the same predictions."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import save_checkpoint
from mmseg.apis import init_model

import mmattn
from mmattn.inference import SaltPredictor, load, predict_section
from mmattn.seismic import scale_amplitude, to_grey
from mmattn.seismic.synthetic import SyntheticSurvey
from tests.tiny import TWO_CHANNELS, write_tiny_config

META = dict(classes=('background', 'salt'), palette=[[0, 0, 255], [255, 128, 0]], amplitude_clip={'survey.sgy': 2500.0})


@pytest.fixture(scope='module', params=['', TWO_CHANNELS], ids=['one channel', 'two channels'])
def training(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A work directory as a training leaves it, and its config."""
    folder = tmp_path_factory.mktemp('work') / 'tiny'
    folder.mkdir()
    config = write_tiny_config(folder, request.param)
    torch.manual_seed(0)
    model = init_model(str(config), device='cpu')
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    checkpoint = folder / 'epoch_1.pth'
    save_checkpoint(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=META)), str(checkpoint))
    (folder / 'last_checkpoint').write_text(str(checkpoint))
    return folder, config


@pytest.fixture(scope='module')
def section() -> np.ndarray:
    return SyntheticSurvey((70, 150), seed=5).section(3).image


def test_every_way_gives_the_same_model(training, section, tmp_path: Path):
    folder, config = training
    model = load(folder)
    expected = predict_section(init_model(str(config), str(folder / 'epoch_1.pth'), device='cpu'), section)
    assert expected.shape == section.shape
    assert expected.std() > 1e-4
    assert np.array_equal(model(section), expected)
    assert np.array_equal(load(config, folder / 'epoch_1.pth')(section), expected)
    saved = model.save(tmp_path / 'saved')
    assert sorted(path.name for path in saved.iterdir()) == ['README.md', 'config.json', 'model.safetensors']
    again = mmattn.load(str(saved))
    assert isinstance(again, mmattn.SaltPredictor)
    assert np.array_equal(again(section), expected)
    assert again.amplitude_clips == {'survey.sgy': 2500.0}
    again.save(tmp_path / 'saved')  # over itself
    assert np.array_equal(load(tmp_path / 'saved', flip=True)(section).shape, expected.shape)
    card = (saved / 'README.md').read_text()
    assert 'CrissCrossHead on ResNetV1c' in card
    assert '2500 (survey.sgy)' in card
    assert 'were not told' in card
    assert max(map(len, card.splitlines())) < 200


def test_a_saved_folder_holds_no_code_and_asks_for_no_weights(training, tmp_path: Path):
    model = load(training[0])
    model.segmentor.cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='https://gone.example/x.pth')
    content = json.loads((model.save(tmp_path / 'saved') / 'config.json').read_text())
    assert content['model']['backbone']['init_cfg'] is None
    assert 'gone.example' not in json.dumps(content)
    assert load(tmp_path / 'saved').window == tuple(content['window'])


def test_amplitudes_are_scaled_by_the_clip(training, section):
    model = load(training[0])
    amplitudes = (section.astype(np.float32) - 128) * 30
    expected = model(to_grey(scale_amplitude(amplitudes, 2500.0)))
    assert np.array_equal(model(amplitudes, clip=2500.0), expected)
    with pytest.raises(ValueError, match=r'not grey values of 0 to 255: give amplitudes with clip.*survey\.sgy'):
        model(amplitudes)
    with pytest.raises(ValueError, match='clip must be a positive number'):
        model(amplitudes, clip=-1)
    with pytest.raises(ValueError, match='must be a section'):
        model(section[0])


def test_what_is_no_network(training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(FileNotFoundError, match="'ccnet_salt' is a config, whose weights do not come with mmattn"):
        load('ccnet_salt')
    with pytest.raises(FileNotFoundError, match="'ccnet_slat' is not a file; did you mean 'ccnet_salt'"):
        load('ccnet_slat')
    with pytest.raises(FileNotFoundError, match='neither a saved network'):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match='neither a saved network'):
        load(training[1])
    (tmp_path / 'note').touch()
    with pytest.raises(FileExistsError, match='holds no saved network'):
        load(training[0]).save(tmp_path)
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_3.pth')
    with pytest.raises(FileNotFoundError, match=r'without epoch_3\.pth'):
        load(tmp_path)


def test_damaged_folders(training, tmp_path: Path):
    saved = load(training[0]).save(tmp_path / 'saved')
    content = json.loads((saved / 'config.json').read_text())
    (saved / 'config.json').write_text(json.dumps(content | dict(format=9)))
    with pytest.raises(ValueError, match='format 9 is newer'):
        load(saved)
    content['model']['decode_head']['channels'] = 8
    (saved / 'config.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match='tensors are not those of the config, decode_head'):
        load(saved)
    foreign = dict(content, model=dict(content['model'], neck=dict(type='os.mkdir', name=str(tmp_path / 'ran'))))
    (saved / 'config.json').write_text(json.dumps(foreign))
    with pytest.raises(ValueError, match=r"type='os\.mkdir' is no component of a registry"):
        load(saved)
    assert not (tmp_path / 'ran').exists()
    (saved / 'model.safetensors').write_bytes(b'no')
    with pytest.raises(ValueError, match='cannot be read as a saved network'):
        load(saved)


def test_the_hub(training, section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a stand-in: nothing here goes to the network."""
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(ImportError, match=r"pip install 'mmattn\[hub\]'"):
        load('someone/salt')
    store = tmp_path / 'store'

    class Api:
        def create_repo(self, name: str, private: bool, exist_ok: bool) -> None:
            assert (name, private, exist_ok) == ('someone/salt', True, True)

        def upload_folder(self, repo_id: str, folder_path: str) -> str:
            Path(folder_path).rename(store)
            return 'https://huggingface.co/someone/salt/commit/1'

    def download(name: str, allow_patterns: list[str]) -> str:
        assert (name, allow_patterns) == ('someone/salt', ['config.json', 'model.safetensors'])
        return str(store)

    hub = types.SimpleNamespace(HfApi=Api, snapshot_download=download)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', hub)
    model = load(training[0])
    assert model.push_to_hub('someone/salt', about='Made-up data.').endswith('/commit/1')
    assert 'Made-up data.' in (store / 'README.md').read_text()
    assert np.array_equal(load('someone/salt')(section), model(section))


def test_other_models_are_refused():
    with pytest.raises((TypeError, AttributeError)):
        SaltPredictor(torch.nn.Linear(1, 1))
