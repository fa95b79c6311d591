# python tools/train.py configs/cityscapes/nonlocal_r50-d8_80k.py
# Non-local head (https://arxiv.org/abs/1711.07971): 80k iterations of 8 crops (4 GPUs).
_base_ = ['../_base_/cnn_cityscapes.py', '../_base_/schedules/sgd_80k.py']
model = dict(decode_head=dict(type='NonLocalHead', **_base_.cnn_head))
