# Runtime of experiments that count iterations.
_base_ = ['default_runtime.py']
log_processor = dict(by_epoch=False)
default_hooks = dict(
    logger=dict(interval=50, log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=4000, save_best='mIoU', rule='greater'),
)
