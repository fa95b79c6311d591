# 60 epochs of AdamW: 100 iterations of warm-up, a cosine to zero at train_cfg.max_epochs, whatever that is set to.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-2, fused=True),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=0, by_epoch=False),  # to the end of either kind of loop
]
