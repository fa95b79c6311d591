# python tools/train.py configs/salt_recipe/hypercolumn.py
# The classifier sees all decoder blocks.
_base_ = ['base.py']
model = dict(decode_head=dict(hypercolumn=True))
