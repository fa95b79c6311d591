# python tools/train.py configs/cityscapes/ccnet_r50-d8_60k.py
# CCNet's recipe (https://arxiv.org/abs/1811.11721): 60k iterations of 8 crops (4 GPUs), online hard examples.
_base_ = ['../_base_/cnn_cityscapes.py', '../_base_/schedules/sgd_60k.py']
sampler = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100000)
model = dict(decode_head=dict(type='CrissCrossHead', sampler=sampler, **_base_.cnn_head))
