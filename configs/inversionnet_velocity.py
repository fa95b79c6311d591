# python tools/train.py configs/inversionnet_velocity.py
# InversionNet (https://arxiv.org/abs/1811.07875) on the data and the schedule of attention_unet_velocity.py.
_base_ = ['attention_unet_velocity.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='InversionNet',
        num_shots={{_base_.num_shots}},
        num_samples=250,
        num_receivers=96,
        grid={{_base_.grid}},
    ),
    decode_head=dict(in_channels=32, kernel_size=3),
)
