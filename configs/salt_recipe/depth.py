# python tools/train.py configs/salt_recipe/depth.py
# The depth of the tile as third channel, in thousands, about 0.5 on average; 0.5 for tiles without one.
_base_ = ['base.py']
mean, std = [_base_.survey_mean] * 2 + [0.5], [_base_.survey_std] * 2 + [0.2]
model = dict(data_preprocessor=dict(mean=mean, std=std))
channels = [dict(type='RepeatSection', channels=2), dict(type='AddDepthChannel', default=500.0)]
train_pipeline = [*_base_.train_start, *channels, *_base_.train_end]
test_pipeline = [*_base_.test_start, *channels, _base_.pack]
tta_pipeline = [*_base_.tta_start, *channels, _base_.tta_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
