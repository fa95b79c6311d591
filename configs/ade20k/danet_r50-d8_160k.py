# python tools/train.py configs/ade20k/danet_r50-d8_160k.py
# DANet (https://arxiv.org/abs/1809.02983) on ADE20K, 160k iterations of 16 crops (4 GPUs).
_base_ = ['../_base_/cnn_ade20k.py']
model = dict(decode_head=dict(type='DualAttentionHead', **_base_.cnn_head))
