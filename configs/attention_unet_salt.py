# python tools/train.py configs/attention_unet_salt.py
# Attention U-Net (https://arxiv.org/abs/1804.03999) on salt tiles: those in SALT_DATA, else the synthetic survey.
# A quarter of the published channels. For the authors' network with its deep supervision: gate='grid' and a head of
# in_channels=(128, 64, 32, 16), in_index=(1, 2, 3, 4).
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
    backbone=dict(type='AttentionUNet', in_channels=1, base_channels=16, gate='additive', norm_cfg=_base_.norm_cfg),
    decode_head=dict(
        type='MultiScaleHead', in_channels=16, in_index=4, loss_decode=_base_.loss_decode, **_base_.output
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
