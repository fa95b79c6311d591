# python tools/train.py configs/salt_recipe/base.py
# What the rows of the recipe's ablation differ from, each in one thing: a plain U-Net on MobileNetV2 with ImageNet
# weights (docs/pretrained.md has the commands that make their file), tiles of 101 padded to 128, cross-entropy.
_base_ = [
    '../_base_/models/salt_output.py',
    '../_base_/datasets/salt.py',
    '../_base_/schedules/salt_60e.py',
    '../_base_/salt_runtime.py',
]
weights = 'data/pretrained/mobilenet_v2.pth'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(
        type='MobileNetV2',
        out_indices=(0, 1, 2, 4, 6),  # strides 2 to 32
        norm_cfg=_base_.norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint=weights),
    ),
    decode_head=dict(
        type='AttentionUNetHead',
        in_channels=(16, 24, 32, 96, 320),
        decoder_channels=(128, 64, 48, 32, 16),
        skip_attention=None,
        loss_decode=[_base_.loss_decode],
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]

# The section three times, in place of colours. Rows with other channels have them at the same place: after the
# amplitudes are changed, before the tile is scaled and cropped.
channels = [dict(type='RepeatSection', channels=3)]
load = dict(type='LoadImageFromFile', color_type='grayscale')
label, one_channel = dict(type='LoadSaltAnnotations'), dict(type='SingleChannel')
pack = dict(type='PackSegInputs', meta_keys=_base_.meta_keys)
train_start = [dict(type='LoadSaltSection'), label, one_channel, dict(type='RandomAmplitude', gain=(0.8, 1.25))]
train_end = [
    dict(type='RandomResize', scale=(101, 101), ratio_range=(0.8, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(101, 101)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    pack,
]
train_pipeline = [*train_start, *channels, *train_end]
test_start, tta_start = [load, label, one_channel], [load, one_channel]
test_pipeline = [*test_start, *channels, pack]
tta_pipeline = [*tta_start, *channels, _base_.tta_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
