# python tools/train.py configs/cityscapes/danet_r101-d8_80k.py
_base_ = ['danet_r50-d8_80k.py']
model = dict(
    backbone=dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c')),
)
