# python tools/train.py configs/cityscapes/nonlocal_r50-d8_80k.py
# Non-local head (https://arxiv.org/abs/1711.07971): 80k iterations of 8 crops (4 GPUs).
_base_ = [
    '../_base_/models/r50-d8.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/sgd_80k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(type='NonLocalHead', num_classes=19, **_base_.head),
    auxiliary_head=dict(num_classes=19),
)
