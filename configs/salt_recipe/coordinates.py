# python tools/train.py configs/salt_recipe/coordinates.py
# Where in the tile a pixel lies, as second and third channel.
_base_ = ['base.py']
model = dict(data_preprocessor=dict(mean=[_base_.survey_mean, 0.0, 0.0], std=[_base_.survey_std, 1.0, 1.0]))
channels = [dict(type='AddCoordinateChannels')]
train_pipeline = [*_base_.train_start, *channels, *_base_.train_end]
test_pipeline = [*_base_.test_start, *channels, _base_.pack]
tta_pipeline = [*_base_.tta_start, *channels, _base_.tta_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
