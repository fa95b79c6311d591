# python tools/train.py configs/salt_recipe/no_resize.py
# Sections are not scaled: whole tiles at their own resolution, flipped.
_base_ = ['base.py']
train_pipeline = [*_base_.train_start, *_base_.channels, *_base_.train_end[1:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
