# python tools/train.py configs/ade20k/nonlocal_r50-d8_160k.py
# Non-local head (https://arxiv.org/abs/1711.07971) on ADE20K, 160k iterations of 16 crops (4 GPUs).
_base_ = ['../_base_/cnn_ade20k.py']
model = dict(decode_head=dict(type='NonLocalHead', **_base_.cnn_head))
