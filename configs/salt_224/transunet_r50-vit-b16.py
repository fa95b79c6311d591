# python tools/train.py configs/salt_224/transunet_r50-vit-b16.py
# TransUNet as published, R50-ViT-B/16 with three skip connections, and its recipe, on salt tiles of 224 px: those in
# SALT_DATA, else the synthetic survey. 105.28 million parameters, 29.2 thousand million multiply-adds. Smaller batches
# go with a smaller learning rate. From scratch: --cfg-options model.backbone.init_cfg=None.
_base_ = [
    '../_base_/models/transunet.py',
    '../_base_/datasets/salt_224.py',
    '../_base_/schedules/sgd_150e.py',
    '../_base_/salt_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor)
randomness = dict(seed=1234)
