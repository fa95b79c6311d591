# python tools/train.py configs/cityscapes/danet_r50-d8_80k.py
# DANet (https://arxiv.org/abs/1809.02983): 80k iterations of 8 crops (4 GPUs).
_base_ = ['../_base_/cnn_cityscapes.py', '../_base_/schedules/sgd_80k.py']
model = dict(decode_head=dict(type='DualAttentionHead', **_base_.cnn_head))
