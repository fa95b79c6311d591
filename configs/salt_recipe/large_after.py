# python tools/train.py configs/salt_recipe/large_after.py
# A trained salt_best.py goes on with tiles at twice their resolution (101 -> 202, padded to 256), at a fifth of the
# rate and with the Lovász loss alone; of another length: --cfg-options load_from=CHECKPOINT.
_base_ = ['../salt_best.py']
load_from = 'work_dirs/salt_best/epoch_60.pth'
train_cfg = dict(max_epochs=10, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
model = dict(backbone=dict(init_cfg=None), data_preprocessor=dict(enlarge=2, size_divisor=64))
lovasz_alone = [dict(start=0.0, factors=dict(loss_ce=0.0, loss_lovasz=1.0))]
custom_hooks = [
    hook if hook['type'] != 'LossScheduleHook' else dict(hook, phases=lovasz_alone) for hook in _base_.custom_hooks
]
