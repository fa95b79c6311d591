# Dilated ResNet-18 of one input channel, output stride 8, and an auxiliary head; leaves add the head.
_base_ = ['salt_output.py']
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        in_channels=1,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=_base_.norm_cfg,
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
    ),
    auxiliary_head=dict(
        type='AuxiliaryFCNHead',
        in_channels=256,
        in_index=2,
        channels=64,
        num_convs=1,
        concat_input=False,
        loss_decode=dict(loss_weight=0.4, **_base_.loss_decode),
        **_base_.output,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
# what the leaves' decode heads share
head = dict(in_channels=512, in_index=3, channels=128, loss_decode=_base_.loss_decode, **_base_.output)
