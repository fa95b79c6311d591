# python tools/train.py configs/inversionnet_velocity_openfwi.py
# InversionNet at its published size (24.41 million parameters) on a family of OpenFWI.
_base_ = ['attention_unet_velocity_openfwi.py']
model = dict(
    backbone=dict(
        _delete_=True, type='InversionNet', num_shots=5, num_samples=1000, num_receivers=70, grid={{_base_.grid}}
    ),
    decode_head=dict(in_channels=32, kernel_size=3),
)
