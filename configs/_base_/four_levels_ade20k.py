# U-MixFormer's and FeedFormer's recipe for ADE20K: 160k iterations of 16 crops (4 GPUs); leaves add encoder and head.
_base_ = ['models/four_levels.py', 'datasets/ade20k.py', 'schedules/adamw_160k_head10.py', 'by_iteration.py']
model = dict(data_preprocessor=_base_.data_preprocessor, decode_head=dict(num_classes=150))

load_image, resize, *rest = _base_.test_pipeline
test_pipeline = [load_image, resize, dict(type='ResizeToMultiple', size_divisor=32), *rest]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
