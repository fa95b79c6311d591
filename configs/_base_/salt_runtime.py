# Runtime of the salt experiments: keep the best checkpoint, draw curves and overlays.
_base_ = ['default_runtime.py']
default_hooks = dict(checkpoint=dict(save_best='mean_precision', rule='greater'))
custom_hooks = [dict(type='CurveHook'), dict(type='OverlayHook')]
