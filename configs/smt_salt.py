# python tools/train.py configs/smt_salt.py
# A narrow SMT (https://arxiv.org/abs/2307.08579) with UperNet on salt tiles: those in SALT_DATA, else the synthetic
# survey.
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
widths = (32, 64, 128, 256)  # half of the published tiny network's
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(type='SMT', in_channels=1, arch=dict(embed_dims=widths, depths=(2, 2, 4, 1), attention_heads=(4, 8))),
    decode_head=dict(
        type='UPerHead',
        in_channels=widths,
        in_index=(0, 1, 2, 3),
        channels=64,
        pool_scales=(1, 2, 4),  # a tile of 101 is 4 x 4 at stride 32
        loss_decode=_base_.loss_decode,
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
