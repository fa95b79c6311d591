# python tools/train.py configs/ade20k/ccnet_r50-d8_160k.py
# CCNet (https://arxiv.org/abs/1811.11721) on ADE20K, 160k iterations of 16 crops (4 GPUs).
_base_ = ['../_base_/cnn_ade20k.py']
model = dict(decode_head=dict(type='CrissCrossHead', **_base_.cnn_head))
