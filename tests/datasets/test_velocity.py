from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmattn.datasets import LoadShots, SaltVelocityDataset, SyntheticVelocityDataset
from mmattn.seismic.shots import Acquisition, write_velocity
from mmattn.seismic.synthetic.velocity import VelocitySurvey
from tests.datasets.velocity_folders import ACQUISITION, arrays, write_folder
from tests.seismic.segy.test_gathers import write as write_gathers

LAYOUTS = ['npz', 'fcnvmb', 'ddnet', 'openfwi', 'openfwi-list']
PIPELINE = [dict(type='LoadShots'), dict(type='LoadVelocity'), dict(type='PackVelocityInputs')]


@pytest.mark.parametrize('layout', LAYOUTS)
def test_layouts(layout: str, tmp_path: Path):
    split = write_folder(tmp_path, layout)
    config = dict(type='SaltVelocityDataset', data_root=str(tmp_path), layout=layout, split=split, pipeline=PIPELINE)
    dataset = DATASETS.build(config)
    shots, velocity = arrays()
    assert len(dataset) == 2
    for index in range(2):
        sample = dataset[index]
        truth = sample['data_samples']
        assert np.array_equal(sample['inputs'].numpy(), shots[index])
        assert np.array_equal(truth.gt_velocity.data[0].numpy(), velocity[index])
        border = 4000 if layout == 'npz' else 4250  # the exact label, or the threshold
        assert np.array_equal(truth.gt_sem_seg.data[0].numpy(), velocity[index] > border)
        assert truth.metainfo['symmetric']
    assert dataset.metainfo['acquisition'] == ACQUISITION.as_dict()
    assert np.allclose(dataset.mean_profile(), velocity.mean(axis=(0, 2)))


def test_models_without_gathers_name_the_tool(tmp_path: Path):
    write_folder(tmp_path, 'fcnvmb')
    (tmp_path / 'georec_train' / 'georec2.mat').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 2 velocity models have no gathers .*vmodel2\.mat .*make_shots'):
        SaltVelocityDataset(tmp_path, layout='fcnvmb')


def test_gathers_without_model(tmp_path: Path):
    write_folder(tmp_path, 'ddnet')
    (tmp_path / 'train_data' / 'vmodel' / 'vmodel1.mat').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 2 gathers have no model'):
        SaltVelocityDataset(tmp_path, layout='ddnet')


def test_files_of_other_lengths(tmp_path: Path):
    write_folder(tmp_path, 'openfwi')
    np.save(tmp_path / 'model' / 'model1.npy', np.ones((3, 1, 10, 12)))
    with pytest.raises(ValueError, match=r'data1\.npy holds 2 items, .*model1\.npy 3'):
        SaltVelocityDataset(tmp_path, layout='openfwi')


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(layout='zip'), ValueError, "layout must be one of 'npz'"),
        (dict(layout='segy'), FileNotFoundError, "layout='segy', split='train': no files were found"),
        (dict(layout='openfwi-list', split='none.txt'), FileNotFoundError, 'must be a text file below data_root'),
    ],
)
def test_wrong_options(options: dict, error: type, message: str, tmp_path: Path):
    with pytest.raises(error, match=message):
        SaltVelocityDataset(tmp_path, **options)


def test_no_folder_and_no_acquisition(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'data_root=.* is not a folder'):
        SaltVelocityDataset(tmp_path / 'none')
    write_folder(tmp_path, 'npz')
    (tmp_path / 'acquisition.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'acquisition.json.* is not a file; tools/make_shots.py writes one'):
        SaltVelocityDataset(tmp_path)


def test_a_broken_list(tmp_path: Path):
    (tmp_path / 'l.txt').write_text('a.npy b.npy\n')
    with pytest.raises(ValueError, match=r'l\.txt, line 1: expected gathers, TAB, models'):
        SaltVelocityDataset(tmp_path, layout='openfwi-list', split='l.txt')


def test_another_acquisition_than_the_gathers(tmp_path: Path):
    write_folder(tmp_path, 'npz')
    other = Acquisition.surface(12, 3, dx=30.0, dt=0.004, nt=40, frequency=6.0)
    dataset = SaltVelocityDataset(tmp_path, acquisition=other, pipeline=PIPELINE)
    with pytest.raises(ValueError, match='it has 2 shots where the acquisition has 3'):
        dataset[0]


def test_decimated_gathers_keep_their_time(tmp_path: Path):
    write_folder(tmp_path, 'npz')
    np.savez(tmp_path / 'm0.npz', shots=arrays()[0][0][:, ::4], velocity=arrays()[1][0])
    dataset = SaltVelocityDataset(tmp_path)
    assert LoadShots()(dataset[0])['shot_dt'] == pytest.approx(0.016)
    assert LoadShots()(dataset[1])['shot_dt'] == pytest.approx(0.004)


def test_model_of_another_size(tmp_path: Path):
    write_folder(tmp_path, 'npz')
    pipeline = [dict(type='LoadShots'), dict(type='LoadVelocity', size=(12, 10))]
    with pytest.raises(
        ValueError, match=r'the model is 10 x 12, the config has \(12, 10\); depth and line are exchanged'
    ):
        SaltVelocityDataset(tmp_path, pipeline=pipeline)[0]


SYNTHETIC = dict(size=(16, 20), dx=30.0, acquisition=dict(num_shots=2, dt=0.004, nt=40, frequency=8.0))


def test_synthetic_models_and_gathers(tmp_path: Path):
    pytest.importorskip('deepwave')
    dataset = SyntheticVelocityDataset(num_models=2, seed=5, cache_dir=tmp_path, pipeline=PIPELINE, **SYNTHETIC)
    model = VelocitySurvey((16, 20), seed=5).model(1)
    first, again = dataset[1], dataset[1]
    assert first['inputs'].shape == (2, 40, 20)
    assert np.array_equal(first['inputs'], again['inputs'])
    assert np.array_equal(first['data_samples'].gt_velocity.data[0], model.velocity)
    assert np.array_equal(first['data_samples'].gt_sem_seg.data[0], model.salt)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_mean_profile_models_nothing(tmp_path: Path):
    dataset = SyntheticVelocityDataset(num_models=3, cache_dir=tmp_path, **SYNTHETIC)
    survey = VelocitySurvey((16, 20))
    expected = np.mean([survey.model(index).velocity.mean(axis=1) for index in range(3)], axis=0)
    assert np.allclose(dataset.mean_profile(), expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(num_models=0), 'num_models must be at least 1, got 0'),
        (dict(size=(4, 20)), 'size must be at least'),
        (dict(acquisition=ACQUISITION, dx=20.0), 'dx is 20.0, the acquisition has 30.0'),
        (dict(acquisition=dict(num_shots=30, dt=0.004, nt=40, frequency=8.0)), 'num_shots must be at most the width'),
    ],
)
def test_wrong_synthetic_options(changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SyntheticVelocityDataset(**{**dict(num_models=2), **SYNTHETIC, **changes})


def test_an_unknown_option_of_the_acquisition():
    with pytest.raises(TypeError, match='this is no acquisition'):
        SyntheticVelocityDataset(num_models=1, acquisition=dict(num_shots=2, freq=8), size=(16, 20))


def test_segy_layout(tmp_path: Path):
    shots, velocity = arrays()
    (tmp_path / 'shots_train').mkdir()
    for index in range(2):
        write_gathers(tmp_path / 'shots_train' / f'l{index}.sgy', shots[index])
        write_velocity(tmp_path / 'velocity_train' / f'l{index}.sgy', velocity[index], dx=30)
    dataset = SaltVelocityDataset(tmp_path, layout='segy', acquisition=ACQUISITION, pipeline=PIPELINE)
    assert len(dataset) == 2
    assert np.array_equal(dataset[1]['inputs'].numpy(), shots[1])
    assert np.array_equal(dataset[1]['data_samples'].gt_velocity.data[0].numpy(), velocity[1])


def test_models_in_segy_take_reading_options(tmp_path: Path):
    shots, velocity = arrays()
    (tmp_path / 'shots_train').mkdir()
    write_gathers(tmp_path / 'shots_train' / 'l.sgy', shots[0])
    write_velocity(tmp_path / 'velocity_train' / 'l.sgy', velocity[0], dx=10)
    given = dict(layout='segy', acquisition=ACQUISITION, pipeline=PIPELINE)
    with pytest.raises(ValueError, match='the step in depth is 10 m by its headers, a cell has 30 m'):
        SaltVelocityDataset(tmp_path, **given)[0]
    dataset = SaltVelocityDataset(tmp_path, **given, velocity_segy=dict(sample_interval=30))
    assert np.array_equal(dataset[0]['data_samples'].gt_velocity.data[0].numpy(), velocity[0])
    assert np.allclose(dataset.mean_profile(), velocity[0].mean(axis=1))
    with pytest.raises(TypeError, match="velocity_segy has no option 'interval'; there are iline"):
        SaltVelocityDataset(tmp_path, **given, velocity_segy=dict(interval=30))
