# python tools/train.py configs/salt_recipe/scratch.py
# The encoder from scratch instead of from ImageNet.
_base_ = ['base.py']
model = dict(backbone=dict(init_cfg=None))
