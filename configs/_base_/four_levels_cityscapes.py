# U-MixFormer's and FeedFormer's recipe for Cityscapes: 160k iterations of 8 crops (4 GPUs), reduced queries, windows at
# test time; leaves add encoder and head.
_base_ = ['models/four_levels.py', 'datasets/cityscapes.py', 'schedules/adamw_160k_head10.py', 'by_iteration.py']
crop_size = (1024, 1024)
data_preprocessor = dict(size=crop_size)
model = dict(
    data_preprocessor=dict(_base_.data_preprocessor, **data_preprocessor),
    decode_head=dict(num_classes=19, query_reduction=2),
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(768, 768)),
)

train_pipeline = [
    dict(step, crop_size=crop_size) if step.type == 'RandomCrop' else step for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
