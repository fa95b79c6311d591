# python tools/train.py configs/salt_recipe/swa.py
# The mean of the weights over the last quarter of the iterations is validated and saved.
_base_ = ['base.py']
custom_hooks = [*_base_.custom_hooks, dict(type='LateAverageHook', start=0.75)]
