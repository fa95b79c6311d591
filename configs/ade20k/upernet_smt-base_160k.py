# python tools/train.py configs/ade20k/upernet_smt-base_160k.py
# UperNet on SMT (https://arxiv.org/abs/2307.08579), base: 160k iterations of 16 crops (4 GPUs).
# Published: mIoU 49.6, 50.6 over several scales.
_base_ = [
    '../_base_/models/upernet_smt.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/adamw_160k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='base', init_cfg=dict(checkpoint='data/pretrained/smt_base.pth')),
)
