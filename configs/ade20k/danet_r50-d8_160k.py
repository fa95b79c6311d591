# python tools/train.py configs/ade20k/danet_r50-d8_160k.py
# DANet (https://arxiv.org/abs/1809.02983): 160k iterations of 16 crops (4 GPUs).
_base_ = [
    '../_base_/models/r50-d8.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/sgd_160k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(type='DualAttentionHead', num_classes=150, **_base_.head),
    auxiliary_head=dict(num_classes=150),
)
