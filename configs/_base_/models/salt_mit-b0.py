# MiT-B0 of one input channel, strides 4 to 32, from scratch; leaves add the head, which sees all four levels.
_base_ = ['salt_output.py']
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    backbone=dict(
        type='MixVisionTransformer',
        in_channels=1,
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        drop_path_rate=0.1,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# what the leaves' decode heads share
head = dict(in_channels=(32, 64, 160, 256), loss_decode=_base_.loss_decode, **_base_.output)
