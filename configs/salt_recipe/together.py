# python tools/train.py configs/salt_recipe/together.py
# What costs next to nothing, in one: the symmetric Lovász loss in the second half, an empty-or-not output, averaged
# weights, no small bodies.
_base_ = ['lovasz.py']
model = dict(decode_head=dict(empty_loss_weight=0.1, suppress_empty=True))
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=10)]
val_evaluator = dict(min_body=32)
test_evaluator = val_evaluator
