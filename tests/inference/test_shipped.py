"""The network that comes with mmattn: it is there, small, plain, and finds salt at any gain."""

import json

import numpy as np
import pytest

import mmattn
from mmattn.inference.loading import CONFIG, WEIGHTS, shipped_networks
from mmattn.seismic.synthetic import SyntheticSurvey, make_volume
from tests.tools.run_here import run_here

NAME = 'salt-synthetic'


@pytest.fixture(scope='module')
def model() -> mmattn.SaltPredictor:
    return mmattn.load(NAME, batch_size=16)


def test_it_is_there_and_small():
    assert list(shipped_networks()) == [NAME]
    folder = shipped_networks()[NAME]
    assert sorted(path.name for path in folder.iterdir()) == ['README.md', CONFIG, WEIGHTS]
    assert (folder / WEIGHTS).stat().st_size < 8e6
    content = json.loads((folder / CONFIG).read_text())
    assert 0.5 < content['dataset_meta']['temperature'] < 5
    assert content['window'] == [128, 128]
    assert 'Licence' in (folder / 'README.md').read_text()


def test_a_name_like_it_is_suggested():
    with pytest.raises(FileNotFoundError, match=f"no network 'salt-syntetic'; did you mean '{NAME}'"):
        mmattn.load('salt-syntetic')


def test_it_finds_salt_whatever_the_gain(model):
    survey = SyntheticSurvey(seed=1001)
    sections = [survey.section(index) for index in range(32)]
    images, truth = (np.stack([getattr(one, name) for one in sections]) for name in ('image', 'mask'))

    def iou(grey):
        salt = model.many(grey) > 0.5
        return (salt & (truth > 0)).sum() / (salt | (truth > 0)).sum()

    assert iou(images) > 0.6
    assert iou(128 + 0.1 * (images.astype(np.float32) - 128)) == pytest.approx(iou(images), abs=0.01)


def test_a_section_of_any_size(model):
    section = SyntheticSurvey((150, 260), seed=1002).section(0).image
    probability = model(section)
    assert probability.shape == section.shape
    assert 0 <= probability.min() < probability.max() <= 1


def test_the_command_takes_its_name(tmp_path, monkeypatch, capsys):
    np.save(tmp_path / 'in.npy', make_volume((2, 40, 64), seed=2)[0])
    files = tmp_path / 'in.npy', tmp_path / 'salt.npy'
    done = run_here(monkeypatch, capsys, 'predict_segy.py', NAME, *files, '--direction', 'iline')
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / 'salt.npy').shape == (2, 40, 64)
    wrong = run_here(monkeypatch, capsys, 'predict_segy.py', 'a', 'b', 'c', *files)
    assert 'got 5 names' in wrong.stderr
