# python tools/train.py configs/segnext_salt.py
# SegNeXt-T (https://arxiv.org/abs/2209.08575) on salt tiles: those in SALT_DATA, else the synthetic survey. Logits are
# of stride 8.
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
        type='MSCAN',
        in_channels=1,
        embed_dims=widths,
        depths=(3, 3, 5, 2),
        mlp_ratios=(8, 8, 4, 4),
        drop_path_rate=0.1,
        norm_cfg=_base_.norm_cfg,
    ),
    decode_head=dict(
        type='FixedHamHead',
        in_channels=widths[1:],
        in_index=(1, 2, 3),
        channels=256,
        ham_channels=256,
        ham_kwargs=dict(MD_R=16),
        loss_decode=_base_.loss_decode,
        **{**_base_.output, 'norm_cfg': dict(type='GN', num_groups=32)},
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
