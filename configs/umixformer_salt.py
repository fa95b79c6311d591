# python tools/train.py configs/umixformer_salt.py
# U-MixFormer (https://arxiv.org/abs/2312.06272) on salt tiles: those in SALT_DATA, else the synthetic survey.
_base_ = [
    '_base_/models/salt_mit-b0.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor, decode_head=dict(type='UMixFormerHead', **_base_.head))
