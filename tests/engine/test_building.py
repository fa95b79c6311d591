"""A typo in a config is answered with the component, the option, the value and near names."""

import pytest
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS

HEAD = dict(type='CrissCrossHead', in_channels=8, channels=4, num_classes=2)
BAD_CBAM = dict(type='CBAM', redction=3)
CBAM_MESSAGE = r"CBAM has no option 'redction' \(got 3\); did you mean 'reduction'"


def resnet(plugin: dict) -> dict:
    return dict(type='ResNet', depth=50, plugins=[dict(cfg=plugin, position='after_conv3')])


@pytest.mark.parametrize(
    ('registry', 'config', 'message'),
    [
        (MODELS, dict(HEAD, recurence=3), r"CrissCrossHead has no option 'recurence' \(got 3\); .*mean 'recurrence'"),
        (
            MODELS,
            dict(HEAD, dropout_ration=0.1),
            r"CrissCrossHead has no option 'dropout_ration' .*mean 'dropout_ratio'",
        ),
        (MODELS, dict(BAD_CBAM, in_channels=8), CBAM_MESSAGE),
        (MODELS, dict(type='AttentionNeck', in_channels=[8], attention=BAD_CBAM), CBAM_MESSAGE),
        (MODELS, resnet(BAD_CBAM), CBAM_MESSAGE),
        (
            MODELS,
            dict(type='SaltDataPreProcessor', enlrage=2),
            r"SaltDataPreProcessor has no option 'enlrage' \(got 2\)",
        ),
        (
            DATASETS,
            dict(type='SyntheticSaltDataset', num_section=4),
            "SyntheticSaltDataset has no option 'num_section'",
        ),
        (METRICS, dict(type='SaltMetric', min_bdy=4), "SaltMetric has no option 'min_bdy' .*; did you mean 'min_body'"),
        (HOOKS, dict(type='LossScheduleHook', losess=[]), "LossScheduleHook has no option 'losess'"),
    ],
)
def test_an_option(registry, config: dict, message: str):
    with pytest.raises(TypeError, match=message):
        registry.build(config)


@pytest.mark.parametrize(
    ('registry', 'config', 'message'),
    [
        (
            MODELS,
            dict(HEAD, type='CrisCrossHead'),
            r"'CrisCrossHead' is not in .* registry; did you mean 'CrissCrossHead'",
        ),
        (MODELS, dict(type='AttentionNeck', in_channels=[8], attention=dict(type='CBM')), "'CBM' .* mean 'CBAM'"),
        (MODELS, resnet(dict(type='CBM')), r"'CBM' is not in .*; did you mean 'CBAM'.* \(plugins of ResNet\)"),
        (MODELS, dict(type='EncoderDecoder', backbone=dict(type='SMTT'), decode_head=HEAD), "did you mean 'SMT'"),
        (DATASETS, dict(type='SaltDatset'), "'SaltDatset' is not in .*; did you mean 'SaltDataset'"),
        (TRANSFORMS, dict(type='LoadSaltAnotations'), "did you mean 'LoadSaltAnnotations'"),
        (HOOKS, dict(type='mmseg.CurvHook'), "did you mean 'CurveHook'"),
    ],
)
def test_a_type(registry, config: dict, message: str):
    with pytest.raises(KeyError, match=message):
        registry.build(config)


def two_plugins(**options: object) -> dict:
    plugins = [dict(cfg=dict(type=kind), position='after_conv2') for kind in ('CBAM', 'SqueezeExcitation')]
    plugins[1].update(options)
    return dict(type='ResNet', depth=50, base_channels=8, stem_channels=8, plugins=plugins)


@pytest.mark.parametrize(
    'options', [{}, dict(stages=(False, False, False, True)), dict(cfg=dict(type='CBAM', reduction=4))]
)
def test_two_plugins_at_one_position(options: dict):
    """MMSegmentation's ResNet would apply the last alone."""
    message = (
        r"ResNet: plugins CBAM and \w+ are both at 'after_conv2' of stage \d, where MMSegmentation applies the last"
    )
    with pytest.raises(ValueError, match=message):
        MODELS.build(two_plugins(**options))


@pytest.mark.parametrize('options', [dict(position='after_conv3'), dict(position='after_conv1')])
def test_two_plugins_at_two_positions(options: dict):
    names = {type(module).__name__ for module in MODELS.build(two_plugins(**options)).modules()}
    assert {'CBAM', 'SqueezeExcitation'} <= names
    split = two_plugins(stages=(False, True, False, False))
    split['plugins'][0]['stages'] = (True, False, False, False)
    MODELS.build(split)
