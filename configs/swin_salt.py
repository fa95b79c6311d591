# python tools/train.py configs/swin_salt.py
# A narrow Swin Transformer (https://arxiv.org/abs/2103.14030) with UperNet on salt tiles: those in SALT_DATA, else the
# synthetic survey. Windows of 4, not 7: the maps of a tile are 32, 16, 8 and 4 wide.
_base_ = [
    '_base_/models/salt_output.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
widths = (32, 64, 128, 256)  # a third of the published tiny network's
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(
        type='SwinTransformer',
        in_channels=1,
        embed_dims=widths[0],
        depths=(2, 2, 6, 2),
        num_heads=(1, 2, 4, 8),
        window_size=4,
        drop_path_rate=0.1,
    ),
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
