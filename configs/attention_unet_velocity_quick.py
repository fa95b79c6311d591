# python tools/train.py configs/attention_unet_velocity_quick.py
# The quick variant of attention_unet_velocity.py for one CPU core: gathers resampled to the grid, half the channels,
# 400 models, a few epochs. The first epoch models the gathers as well.
_base_ = ['attention_unet_velocity.py']
model = dict(backbone=dict(stem='resize', backbone=dict(base_channels=16)), decode_head=dict(in_channels=16))
train_dataloader = dict(dataset=dict(num_models=400))
val_evaluator = dict(baseline=dict(num_models=400))
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=8, val_interval=2)
