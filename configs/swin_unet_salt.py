# python tools/train.py configs/swin_unet_salt.py
# A small Swin-Unet (https://arxiv.org/abs/2105.05537) on salt tiles: those in SALT_DATA, else the synthetic survey.
# Half of the published widths and windows of 4, which divide the maps of a tile of 101 padded to 128: 32, 16, 8 and 4.
# 6.8 million parameters, 490 million multiply-adds; published, of widths from 96 and windows of 7, 27.2 million and
# 6,110 million at 224 px: salt_224/swin_unet_tiny.py.
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
widths, heads, window_size = (48, 96, 192, 384), (3, 6, 12, 24), 4
output = {**_base_.output}
output.pop('norm_cfg')  # it has layer normalisations throughout
# From random weights it learns slowly, or not at all at the schedule's 1e-3: small steps, and a larger start than the
# published 0.02, which is meant for ImageNet's weights.
start = dict(type='Xavier', layer='Linear', distribution='uniform')
optim_wrapper = dict(optimizer=dict(lr=3e-4))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(
        type='SwinUNetEncoder',
        in_channels=1,
        embed_dims=widths[0],
        num_heads=heads,
        window_size=window_size,
        init_cfg=start,
    ),
    decode_head=dict(
        type='SwinUNetHead',
        in_channels=widths,
        num_heads=heads[:3],
        window_size=window_size,
        loss_decode=_base_.loss_decode,
        init_cfg=[start, dict(type='Normal', std=0.01, override=dict(name='conv_seg'))],
        **output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
