# python tools/train.py configs/salt_recipe/empty_or_not.py
# The network also learns which sections hold salt, and predicts none where it says so.
_base_ = ['base.py']
model = dict(decode_head=dict(empty_loss_weight=0.1, suppress_empty=True))
