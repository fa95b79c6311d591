# python tools/train.py configs/ade20k/nonlocal_r50-d8_160k.py
# Non-local head (https://arxiv.org/abs/1711.07971): 160k iterations of 16 crops (4 GPUs).
_base_ = [
    '../_base_/models/r50-d8.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/sgd_160k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(type='NonLocalHead', num_classes=150, **_base_.head),
    auxiliary_head=dict(num_classes=150),
)
