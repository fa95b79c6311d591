# python tools/train.py configs/salt_synthetic.py
# The network that ships with mmattn as salt-synthetic: the U-Net of salt_recipe/base.py on MobileNetV2 with ImageNet
# weights (docs/pretrained.md has the commands that make their file), trained on the synthetic survey alone,
# SALT_DATA or not. Each section is normalised by itself, so a survey's gain is of no matter. docs/synthetic.md has what
# each part of it was worth on real tiles.
_base_ = ['salt_recipe/base.py']
model = dict(data_preprocessor=dict(_delete_=True, type='SaltDataPreProcessor', per_section=True, size_divisor=32))
train_pipeline = [
    dict(type='LoadSaltSection'),
    dict(type='LoadSaltAnnotations'),
    dict(type='SingleChannel'),
    dict(type='RandomSurvey'),
    dict(type='RandomResize', scale=(101, 101), ratio_range=(0.96, 1.6), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 96)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RepeatSection', channels=3),
    _base_.pack,
]
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        _delete_=True, type='SyntheticSaltDataset', num_sections=40000, size=(112, 112), seed=1, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='SyntheticSaltDataset',
        num_sections=400,
        seed=2,
        pipeline=_base_.test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=10)]
