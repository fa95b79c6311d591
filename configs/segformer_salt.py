# python tools/train.py configs/segformer_salt.py
# SegFormer-B0 (https://arxiv.org/abs/2105.15203) on salt tiles: those in SALT_DATA, else the synthetic survey.
_base_ = [
    '_base_/models/salt_mit-b0.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(type='SegformerHead', in_index=(0, 1, 2, 3), channels=256, **_base_.head),
)
