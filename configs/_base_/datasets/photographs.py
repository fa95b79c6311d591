# What data sets of photographs share. Each adds its paths and sizes and puts these steps together.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
)

load_image, load_labels, pack = dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')
resize = dict(type='Resize', keep_ratio=True)
random_resize = dict(type='RandomResize', ratio_range=(0.5, 2.0), keep_ratio=True)
random_crop = dict(type='RandomCrop', cat_max_ratio=0.75)
augment = [dict(type='RandomFlip', prob=0.5), dict(type='PhotoMetricDistortion')]
tta_steps = [
    [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
    [load_labels],
    [pack],
]
tta_model = dict(type='SegTTAModel')

train_dataloader = dict(num_workers=4, persistent_workers=True, sampler=dict(type='InfiniteSampler', shuffle=True))
val_dataloader = dict(
    batch_size=1, num_workers=4, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=False)
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
