# python tools/train.py configs/ccnet_salt.py
# CCNet on salt tiles: real ones with SALT_DATA=data/salt, else the built-in synthetic survey.
_base_ = [
    '_base_/models/ccnet_r18-d8.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/default_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor)
default_hooks = dict(checkpoint=dict(save_best='mean_precision', rule='greater'))
custom_hooks = [dict(type='CurveHook'), dict(type='OverlayHook')]
