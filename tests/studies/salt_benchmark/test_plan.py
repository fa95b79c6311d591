"""What a salt benchmark trains."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmattn.common.errors import InputError
from mmattn.studies import write_result
from mmattn.studies.runs import FINISHED, read_result
from mmattn.studies.salt_benchmark import find_models, plan, prepare
from mmattn.studies.salt_benchmark.plan import cell_config
from tests.tiny import ROOT

CONFIGS = ROOT / 'configs'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / 'salt'
    folder.mkdir()
    lines = ['id,group,fold,coverage', *(f't{k:02},g{k},{k % 3},0.5' for k in range(30))]
    (folder / 'folds.csv').write_text('\n'.join(lines) + '\n')
    return folder


def make(data: Path, **changes):
    options = dict(folds=[0], seeds=[0], images=200, options=[], out=data.parent / 'out')
    return plan(data, find_models(['ccnet', 'danet_salt'], CONFIGS), **{**options, **changes})


def test_models_are_found_by_short_name_name_and_path(tmp_path: Path):
    own = tmp_path / 'mine.py'
    own.write_text('')
    found = find_models(['ccnet', 'danet_salt', str(own)], CONFIGS)
    assert list(found) == ['ccnet_salt', 'danet_salt', 'mine']
    assert 'ccnet_salt_quick' not in find_models([], CONFIGS)
    assert set(find_models([], CONFIGS)) >= {'ccnet_salt', 'danet_salt', 'nonlocal_salt', 'umixformer_salt'}
    with pytest.raises(ValueError, match=r"no config 'foo'; there are .*ccnet_salt, danet_salt"):
        find_models(['foo'], CONFIGS)


def test_every_cell_sees_as_many_images(data: Path):
    benchmark = make(data, folds=[0, 2], seeds=[0, 1])
    assert [cell.name for cell in benchmark.cells[:3]] == [
        'ccnet_salt-fold0-seed0',
        'danet_salt-fold0-seed0',
        'ccnet_salt-fold2-seed0',
    ]
    assert len(benchmark.cells) == 8
    assert benchmark.tiles(0) == (20, 10)
    assert benchmark.epochs(benchmark.cells[0]) == 10


def test_a_prepared_cell_has_its_fold_seed_and_length(data: Path):
    benchmark = make(data, folds=[2], seeds=[5])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv('SALT_DATA', raising=False)
        prepare(benchmark)
        config = cell_config(benchmark, benchmark.cells[0])
    assert config.randomness.seed == 5
    assert (config.train_cfg.max_epochs, config.train_cfg.val_interval) == (10, 1)
    for name in ('train', 'val', 'test'):
        dataset = config[f'{name}_dataloader'].dataset
        assert (dataset.type, dataset.fold, dataset.data_root) == ('SaltDataset', 2, str(data))


def test_options_are_part_of_what_a_cell_trains_and_wrong_ones_show_before(data: Path):
    benchmark = make(data, options=['train_dataloader.batch_size=3'])
    prepare(benchmark)
    assert cell_config(benchmark, benchmark.cells[0]).train_dataloader.batch_size == 3
    assert cell_config(benchmark, benchmark.cells[0], with_options=False).train_dataloader.batch_size != 3
    with pytest.raises(InputError, match="has no 'trian_dataloader'; did you mean 'train_dataloader'"):
        prepare(make(data, options=['trian_dataloader.batch_size=3']))


def test_a_cell_may_augment_on_its_device(data: Path):
    benchmark = make(data, folds=[2], on_device=True)
    prepare(benchmark)
    config = cell_config(benchmark, benchmark.cells[0])
    assert config.model.data_preprocessor.augment.crop_size == (101, 101)
    dataset = config.train_dataloader.dataset
    assert dataset.fold == 2
    assert [step.type for step in dataset.pipeline][-2:] == ['SingleChannel', 'PackSegInputs']
    model = data.parent / 'other.py'
    model.write_text(f"_base_ = ['{CONFIGS}/ccnet_salt.py']\nmodel = dict(data_preprocessor=dict(type='Other'))\n")
    other = replace(benchmark, models=dict(ccnet_salt=model, danet_salt=model))
    with pytest.raises(InputError, match=f"--augment-on-device: config '{model}' has no SaltDataPreProcessor"):
        prepare(other)


def test_a_trained_cell_of_other_settings_is_not_mixed_in(data: Path):
    benchmark = make(data)
    prepare(benchmark)
    result = read_result(benchmark.cells[0])
    result.status = FINISHED
    write_result(benchmark.cells[0], result)
    prepare(make(data))
    for other in (dict(images=400), dict(options=['train_dataloader.batch_size=8'])):
        with pytest.raises(ValueError, match=r'ccnet_salt-fold0-seed0.* was trained with other settings or tiles'):
            prepare(make(data, **other))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(folds=[0, 7]), r'--folds: .*folds.csv has the folds \[0, 1, 2\], not 7'),
        (dict(images=0), '--images must be at least 1, got 0'),
        (dict(options=['randomness.seed=3']), 'sets randomness, .* itself, got randomness.seed=3'),
    ],
)
def test_errors(data: Path, changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        make(data, **changes)


def test_a_folder_that_is_not_prepared(tmp_path: Path):
    with pytest.raises(ValueError, match=r'--data: .*folds.csv.* is not there; prepare the tiles with tools/prepare'):
        make(tmp_path)
