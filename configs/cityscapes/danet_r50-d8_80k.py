# python tools/train.py configs/cityscapes/danet_r50-d8_80k.py
# DANet (https://arxiv.org/abs/1809.02983): 80k iterations of 8 crops (4 GPUs).
_base_ = [
    '../_base_/models/r50-d8.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/sgd_80k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(type='DualAttentionHead', num_classes=19, **_base_.head),
    auxiliary_head=dict(num_classes=19),
)
