# python tools/train.py configs/salt_224/swin_unet_tiny.py
# Swin-Unet as published (https://arxiv.org/abs/2105.05537), "tiny", and its recipe, on salt tiles of 224 px: those in
# SALT_DATA, else the synthetic survey. 27.17 million parameters, 6.1 thousand million multiply-adds. Encoder and
# decoder start from Swin-T's file of ImageNet; smaller batches go with a smaller learning rate. From scratch:
# --cfg-options model.backbone.init_cfg=None model.decode_head.init_cfg=None.
_base_ = [
    '../_base_/models/salt_output.py',
    '../_base_/datasets/salt_224.py',
    '../_base_/schedules/sgd_150e.py',
    '../_base_/salt_runtime.py',
]
weights = dict(type='Pretrained', checkpoint='data/pretrained/swin_tiny_patch4_window7_224.pth', source='swin')
output = {**_base_.output}
output.pop('norm_cfg')  # it has layer normalisations throughout
model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    pretrained=None,
    backbone=dict(type='SwinUNetEncoder', init_cfg=weights),
    decode_head=dict(
        type='SwinUNetHead',
        in_channels=(96, 192, 384, 768),
        loss_decode=[
            dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True, loss_weight=0.4),
            dict(type='DiceLoss', loss_weight=0.6),
        ],
        init_cfg=weights,
        **{**output, 'dropout_ratio': 0.0},
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
optim_wrapper = dict(optimizer=dict(lr=0.05))
randomness = dict(seed=1234)
