# python tools/train.py configs/ade20k/upernet_smt-small_160k.py
# UperNet on SMT (https://arxiv.org/abs/2307.08579), small: 160k iterations of 16 crops (4 GPUs).
# Published: mIoU 49.2, 50.2 over several scales.
_base_ = [
    '../_base_/models/upernet_smt.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/adamw_160k.py',
    '../_base_/by_iteration.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='small', init_cfg=dict(checkpoint='data/pretrained/smt_small.pth')),
)
