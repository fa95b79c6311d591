# What every experiment shares. MMSegmentation's own tools need `custom_imports` to find our components.
default_scope = 'mmseg'
custom_imports = dict(imports=['mmattn'], allow_failed_imports=False)

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # tools/ of this repository choose gloo where there is no GPU
)
randomness = dict(seed=0)
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
default_hooks = dict(
    runtime_info=dict(type='LateRuntimeInfoHook'),  # losses are read from a GPU when they are logged
    timer=dict(type='IterTimerHook'),
    logger=dict(type='OneLogHook', interval=20, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='SafeCheckpointHook',
        by_epoch=True,
        interval=1,
        max_keep_ckpts=2,
        backend_args=dict(backend='AtomicBackend'),
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
    exact_resume=dict(type='ExactResumeHook'),
    finite_loss=dict(type='FiniteLossHook'),
    stop_safely=dict(type='StopSafelyHook'),
)
custom_hooks = [dict(type='CurveHook')]
