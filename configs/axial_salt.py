# python tools/train.py configs/axial_salt.py
# Axial-ResNet-26 S (https://arxiv.org/abs/2003.07853) on salt tiles: those in SALT_DATA, else the synthetic survey.
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(type='AxialResNet', depth=26, width=0.5, in_channels=1, norm_cfg=_base_.norm_cfg),
    decode_head=dict(
        type='SegformerHead',  # a 1x1 convolution a level, then one over all, at stride 4
        in_channels=(128, 256, 512, 1024),
        in_index=(0, 1, 2, 3),
        channels=128,
        loss_decode=_base_.loss_decode,
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
