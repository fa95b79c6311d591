# python tools/train.py configs/salt_recipe/snapshots.py
# Three cosine cycles of 20 epochs, the checkpoint at the end of each kept: tools/ensemble.py averages their predictions
# (https://arxiv.org/abs/1704.00109). In a training of 6 epochs:
# --cfg-options train_cfg.max_epochs=6 'param_scheduler.0.periods=[2,2,2]' default_hooks.checkpoint.interval=2
_base_ = ['base.py']
# No warm-up before the first cycle: CosineRestartLR starts at the full rate, which a warm-up would multiply.
cycle = 20
param_scheduler = [
    dict(
        type='CosineRestartLR',
        periods=[cycle] * 3,
        restart_weights=[1.0] * 3,
        eta_min=0.0,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=cycle, max_keep_ckpts=-1))
