# python tools/train.py configs/salt_recipe/deep_supervision.py
# A classifier and a loss at each coarser decoder block, in training.
_base_ = ['base.py']
model = dict(decode_head=dict(deep_supervision=True))
