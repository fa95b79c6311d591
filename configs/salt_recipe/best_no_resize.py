# python tools/train.py configs/salt_recipe/best_no_resize.py
# salt_best with sections that are not scaled: whole tiles at their own resolution.
_base_ = ['../salt_best.py']
train_pipeline = [*_base_.train_start, *_base_.channels, *_base_.train_end[1:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
