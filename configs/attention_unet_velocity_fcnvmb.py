# python tools/train.py configs/attention_unet_velocity_fcnvmb.py
# attention_unet_velocity.py on models in the layout of FCNVMB, with gathers that tools/make_shots.py models.
_base_ = [
    '_base_/models/velocity_output.py',
    '_base_/datasets/fcnvmb.py',
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
        stem='time',
        backbone=dict(type='AttentionUNet', base_channels=32, num_stages=5),
    ),
    decode_head=dict(in_channels=32, **_base_.head),
    test_cfg=dict(flip=True),
)
