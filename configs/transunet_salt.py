# python tools/train.py configs/transunet_salt.py
# A small TransUNet (https://arxiv.org/abs/2102.04306) on salt tiles: those in SALT_DATA, else the synthetic survey.
# 2.5 million parameters and 0.48 thousand million multiply-adds at 128 px, to be trained from scratch; the published
# network has 105 million and 9.4, and starts from ImageNet-21k: configs/salt_224.
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
    backbone=dict(
        type='HybridViT',
        img_size=128,  # a tile of 101, padded
        in_channels=1,
        embed_dims=128,
        num_layers=4,
        num_heads=4,
        resnet_depths=(2, 2, 3),
        resnet_channels=32,
    ),
    decode_head=dict(
        type='CascadedUpsamplerHead',
        in_channels=(32, 128, 256, 128),  # strides 2 to 16
        decoder_channels=(64, 32, 16, 16),  # three skip connections, then to the resolution of the section
        bridge_channels=128,
        loss_decode=_base_.loss_decode,
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
