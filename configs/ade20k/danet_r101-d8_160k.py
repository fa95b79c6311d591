# python tools/train.py configs/ade20k/danet_r101-d8_160k.py
_base_ = ['danet_r50-d8_160k.py']
model = dict(
    backbone=dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c')),
)
