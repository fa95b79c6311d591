# python tools/train.py configs/attention_unet_velocity_shots.py
# attention_unet_velocity_quick.py on gathers that tools/make_shots.py wrote: docs/inversion.md, Five commands.
_base_ = [
    '_base_/models/velocity_output.py',
    '_base_/datasets/shots.py',
    '_base_/schedules/velocity.py',
    '_base_/velocity_runtime.py',
]
model = dict(
    type='VelocityEstimator',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        type='ShotEncoder',
        num_shots=_base_.num_shots,
        grid=_base_.grid,
        stem='resize',
        backbone=dict(type='AttentionUNet', base_channels=16, num_stages=5),
    ),
    decode_head=dict(in_channels=16, **_base_.head),
    test_cfg=dict(flip=True),
)
train_cfg = dict(max_epochs=8, val_interval=2)
