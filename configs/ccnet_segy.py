# python tools/train.py configs/ccnet_segy.py
# CCNet (https://arxiv.org/abs/1811.11721) on sections of the volume in SEGY_AMPLITUDE with the labels in SEGY_LABEL.
_base_ = [
    '_base_/models/salt_r18-d8.py',
    '_base_/datasets/segy.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor, decode_head=dict(type='CrissCrossHead', **_base_.head))
