# python tools/train.py configs/attention_unet_velocity_salt.py
# attention_unet_velocity.py with a second output, the probability of salt, from which tools/invert.py takes the mask.
# Any salt loss: model.decode_head.loss_salt="dict(type='LovaszLoss', loss_type='binary', reduction='none')".
_base_ = ['attention_unet_velocity.py']
model = dict(decode_head=dict(salt_branch=True))
