# python tools/train.py configs/salt_recipe/ema.py
# A moving average of the weights, over about the last tenth of the iterations and at most 500, is validated and saved.
_base_ = ['base.py']
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=10)]
