# python tools/train.py configs/ade20k/umixformer_mit-b5-640_160k.py
# U-MixFormer on MiT-B5 with crops of 640, as published.
_base_ = ['umixformer_mit-b5_160k.py']
scale, crop_size = (2048, 640), (640, 640)
model = dict(data_preprocessor=dict(size=crop_size))
sizes = dict(RandomResize=dict(scale=scale), Resize=dict(scale=scale), RandomCrop=dict(crop_size=crop_size))
train_pipeline = [{**step, **sizes.get(step.type, {})} for step in _base_.train_pipeline]
test_pipeline = [{**step, **sizes.get(step.type, {})} for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
