# python tools/train.py configs/salt_best.py
# The recipe: the U-Net of salt_recipe/base.py on MobileNetV2 with ImageNet weights (docs/pretrained.md has the
# commands that make their file), the symmetric Lovász loss in the second half, an empty-or-not output, averaged
# weights, no salt body below 32 pixels. Flipped views are averaged by tools/test.py --tta, checkpoints by
# tools/ensemble.py. docs/benchmark.md says what was measured of it, and what was left out and why.
_base_ = ['salt_recipe/lovasz.py']
model = dict(decode_head=dict(empty_loss_weight=0.1, suppress_empty=True))
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=10)]
val_evaluator = dict(min_body=32)
test_evaluator = val_evaluator
