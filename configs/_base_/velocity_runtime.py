# Runtime of the velocity experiments: keep the best checkpoint, draw curves and models, average the weights.
_base_ = ['default_runtime.py']
default_hooks = dict(
    checkpoint=dict(save_best='mae', rule='less'),
    visualization=dict(_delete_=True, type='VelocityPictureHook'),  # MMSegmentation's reads gathers as pictures
)
custom_hooks = [
    dict(type='CurveHook'),
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.002, gamma=20, update_buffers=True),
]
