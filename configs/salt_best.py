# python tools/train.py configs/salt_best.py
# What configs/salt_recipe/ tries one by one, together: a U-Net on ResNet-34 with ImageNet weights, scSE, hypercolumn,
# deep supervision, tiles seen at 202 (padded to 256), cross-entropy before the symmetric Lovász loss, averaged weights,
# no salt body below 32 pixels. Flipped views are averaged by tools/test.py --tta, checkpoints by tools/ensemble.py.
# docs/benchmark.md says what is measured of it. Weights from a file, or none:
# --cfg-options model.backbone.init_cfg.checkpoint=FILE, or model.backbone.init_cfg=None.
_base_ = ['salt_unet_resnet34_imagenet.py']
model = dict(data_preprocessor=dict(enlarge=2, size_divisor=64))
phases = [
    dict(start=0.0, factors=dict(loss_ce=1.0, loss_lovasz=0.0)),
    dict(start=0.5, factors=dict(loss_ce=0.0, loss_lovasz=1.0)),
]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='LossScheduleHook', phases=phases),
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=10),
]
val_evaluator = dict(min_body=32)
test_evaluator = val_evaluator
