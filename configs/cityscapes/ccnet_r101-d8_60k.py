# python tools/train.py configs/cityscapes/ccnet_r101-d8_60k.py
_base_ = ['ccnet_r50-d8_60k.py']
model = dict(
    backbone=dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c')),
)
