# python tools/train.py configs/cityscapes/ccnet_r50-d8_60k.py
# CCNet's recipe (https://arxiv.org/abs/1811.11721): 60k iterations of 8 crops (4 GPUs), online hard examples.
_base_ = [
    '../_base_/models/r50-d8.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/sgd_60k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(
        type='CrissCrossHead',
        num_classes=19,
        sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100000),
        **_base_.head,
    ),
    auxiliary_head=dict(num_classes=19),
)
