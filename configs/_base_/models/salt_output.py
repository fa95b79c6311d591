# What every salt head shares: one output channel (sigmoid) for salt against background.
norm_cfg = dict(type='SyncBN', requires_grad=True)
output = dict(
    dropout_ratio=0.1,
    num_classes=2,
    out_channels=1,
    threshold=0.5,
    norm_cfg=norm_cfg,
    align_corners=False,
)
loss_decode = dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True)
