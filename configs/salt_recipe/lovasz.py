# python tools/train.py configs/salt_recipe/lovasz.py
# Cross-entropy in the first half of the training, the symmetric Lovász loss in the second.
_base_ = ['base.py']
model = dict(decode_head=dict(loss_decode=[_base_.loss_decode, dict(type='LovaszHingeLoss', symmetric=True)]))
phases = [
    dict(start=0.0, factors=dict(loss_ce=1.0, loss_lovasz=0.0)),
    dict(start=0.5, factors=dict(loss_ce=0.0, loss_lovasz=1.0)),
]
custom_hooks = [*_base_.custom_hooks, dict(type='LossScheduleHook', phases=phases)]
