# python tools/train.py configs/ade20k/upernet_smt-tiny_160k.py
# UperNet on SMT (https://arxiv.org/abs/2307.08579), tiny: 160k iterations of 16 crops (4 GPUs).
# The authors publish no result of this one on ADE20K.
_base_ = [
    '../_base_/models/upernet_smt.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/adamw_160k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='tiny', init_cfg=dict(checkpoint='data/pretrained/smt_tiny.pth')),
)
