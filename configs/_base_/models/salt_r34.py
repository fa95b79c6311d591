# ResNet-34 of one input channel, strides 4 to 32, from scratch; leaves add the head, which sees all four levels.
_base_ = ['salt_output.py']
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    backbone=dict(type='ResNet', depth=34, in_channels=1, norm_cfg=_base_.norm_cfg, norm_eval=False, style='pytorch'),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# what the leaves' decode heads share
head = dict(in_channels=(64, 128, 256, 512), **_base_.output)
