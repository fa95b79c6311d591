# python tools/train.py configs/nonlocal_salt.py
# A non-local head (https://arxiv.org/abs/1711.07971) on salt tiles: those in SALT_DATA, else the synthetic survey.
_base_ = [
    '_base_/models/salt_r18-d8.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor, decode_head=dict(type='NonLocalHead', **_base_.head))
