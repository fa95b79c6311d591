"""Moving random transforms from a pipeline to the device."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmattn.cli.device_augmentation import move_augmentation
from mmattn.cli.launch import load_config
from mmattn.common.errors import InputError
from mmattn.models import SectionAugmentation

CONFIGS = Path(__file__).parents[2] / 'configs'
PACK = dict(type='PackSegInputs')


def experiment(*pipeline: dict, preprocessor: str = 'SaltDataPreProcessor') -> Config:
    dataset = dict(type='SyntheticSaltDataset', pipeline=[*pipeline])
    return Config(dict(model=dict(data_preprocessor=dict(type=preprocessor)), train_dataloader=dict(dataset=dataset)))


def kinds(config: Config) -> list[str]:
    return [step.type for step in config.train_dataloader.dataset.pipeline]


def test_the_salt_pipeline_moves_whole():
    config = load_config(str(CONFIGS / 'ccnet_salt.py'))
    move_augmentation(config, 'ccnet_salt.py')
    assert kinds(config) == ['LoadSaltSection', 'LoadSaltAnnotations', 'SingleChannel', 'PackSegInputs']
    options = dict(config.model.data_preprocessor.augment)
    assert options.pop('type') == 'SectionAugmentation'
    made = SectionAugmentation(**options)
    assert (made.scale, made.ratio_range, made.crop_size) == ((101, 101), (0.8, 1.4), (101, 101))
    assert (made.flip_prob, made.gain, made.polarity_prob, made.center) == (0.5, (0.8, 1.25), 0.0, 128.0)
    pipeline = config.val_dataloader.dataset.pipeline
    assert [step.type for step in pipeline][-1] == 'PackSegInputs'


@pytest.mark.parametrize('name', ['base', 'coordinates', 'depth'])
def test_what_comes_before_other_transforms_stays(name: str):
    config = load_config(str(CONFIGS / 'salt_recipe' / f'{name}.py'))
    before = kinds(config)
    move_augmentation(config, name)
    assert kinds(config) == [kind for kind in before if kind not in ('RandomResize', 'RandomCrop', 'RandomFlip')]
    assert 'RandomAmplitude' in kinds(config)
    assert 'gain' not in config.model.data_preprocessor.augment


def test_volumes_move_too():
    config = load_config(str(CONFIGS / 'ccnet_segy.py'))
    move_augmentation(config, 'ccnet_segy.py')
    assert kinds(config) == ['LoadSegySection', 'PackSegInputs']
    assert config.model.data_preprocessor.augment.crop_size == (128, 128)


def test_the_gain_of_a_transform_without_options_is_its_own():
    config = experiment(dict(type='RandomCrop', crop_size=64), dict(type='RandomAmplitude'), PACK)
    move_augmentation(config, 'x.py')
    augment = config.model.data_preprocessor.augment
    assert augment.gain == (0.8, 1.25)
    assert augment.crop_size == (64, 64)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (experiment(PACK, preprocessor='SegDataPreProcessor'), "no SaltDataPreProcessor but 'SegDataPreProcessor'"),
        (experiment(dict(type='RandomFlip', prob=0.5)), 'does not end with PackSegInputs'),
        (experiment(dict(type='SingleChannel'), PACK), 'has SingleChannel before PackSegInputs; RandomResize,'),
        (experiment(PACK), 'has nothing before PackSegInputs'),
        (
            experiment(dict(type='RandomFlip', prob=0.5, direction='vertical'), PACK),
            "RandomFlip of 'x.py' must have direction='horizontal', got 'vertical'",
        ),
        (
            experiment(dict(type='RandomCrop', crop_size=64, cat_max_ratio=0.75), PACK),
            "RandomCrop of 'x.py' has cat_max_ratio=0.75",
        ),
        (
            experiment(dict(type='RandomResize', scale=(9, 9), ratio_range=(1, 2), keep_ratio=True), PACK),
            'ends with RandomResize; each may be there once, RandomCrop after RandomResize',
        ),
        (
            experiment(dict(type='RandomResize', scale=(9, 9)), dict(type='RandomCrop', crop_size=9), PACK),
            'must have keep_ratio=True',
        ),
        (experiment(dict(type='RandomFlip'), dict(type='RandomFlip'), PACK), 'each may be there once'),
    ],
)
def test_what_cannot_move_is_named(config: Config, message: str):
    before = config.to_dict()
    with pytest.raises(InputError, match=message):
        move_augmentation(config, 'x.py')
    assert config.to_dict() == before


def test_no_second_augmentation():
    config = load_config(str(CONFIGS / 'ccnet_salt.py'))
    move_augmentation(config, 'ccnet_salt.py')
    with pytest.raises(InputError, match="has augment='SectionAugmentation' already"):
        move_augmentation(config, 'ccnet_salt.py')
