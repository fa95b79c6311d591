# python tools/train.py configs/salt_recipe/warp.py
# Half of the sections are bent: shear of the layers, a small rotation, a smooth field of shifts.
_base_ = ['base.py']
train_pipeline = [*_base_.train_start, dict(type='RandomWarp'), *_base_.channels, *_base_.train_end]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
