# python tools/train.py configs/unet_velocity.py
# attention_unet_velocity.py without the gates.
_base_ = ['attention_unet_velocity.py']
model = dict(backbone=dict(backbone=dict(gate=None)))
