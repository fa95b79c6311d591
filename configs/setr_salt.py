# python tools/train.py configs/setr_salt.py
# SETR-PUP (https://arxiv.org/abs/2012.15840) on salt tiles: those in SALT_DATA, else the synthetic survey. A quarter of
# ViT-B's channels, half of its layers, and patches of 8 pixels instead of 16: a tile of 101 is 16 x 16 of them.
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
width = 192
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(
        type='VisionTransformer',
        in_channels=1,
        img_size=128,
        patch_size=8,
        embed_dims=width,
        num_layers=6,
        num_heads=3,
        out_indices=(5,),
        final_norm=True,
        interpolate_mode='bilinear',
    ),
    decode_head=dict(
        type='SETRUPHead',
        in_channels=width,
        in_index=0,
        channels=64,
        num_convs=3,
        up_scale=2,
        kernel_size=3,
        loss_decode=_base_.loss_decode,
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
