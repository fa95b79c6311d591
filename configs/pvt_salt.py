# python tools/train.py configs/pvt_salt.py
# A pyramid vision transformer on salt tiles: those in SALT_DATA, else the synthetic survey. It is Twins-PCPVT
# (https://arxiv.org/abs/2104.13840), PVT (https://arxiv.org/abs/2102.12122) with conditional position encodings, half
# as wide as its small network. For PVT v2: dict(type='TIMMBackbone', model_name='pvt_v2_b0', features_only=True,
# pretrained=False, in_channels=1).
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
widths = (32, 64, 160, 256)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(
        type='PCPVT',
        in_channels=1,
        embed_dims=widths,
        num_heads=(1, 2, 5, 8),
        depths=(2, 2, 2, 2),
        patch_sizes=(4, 2, 2, 2),
        strides=(4, 2, 2, 2),
        mlp_ratios=(8, 8, 4, 4),
        sr_ratios=(8, 4, 2, 1),
        qkv_bias=True,
        norm_after_stage=False,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        type='SegformerHead',
        in_channels=widths,
        in_index=(0, 1, 2, 3),
        channels=256,
        loss_decode=_base_.loss_decode,
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
