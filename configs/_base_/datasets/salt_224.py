# Salt tiles, resized to 224 px as TransUNet's slices are; predictions come back at the tiles' own size. Of the
# published rotations and flips only the horizontal flip is left: time runs downwards.
_base_ = ['salt.py']
resize = dict(type='Resize', scale=(224, 224), interpolation='bicubic')
flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
label, pack = dict(type='LoadSaltAnnotations'), dict(type='PackSegInputs', meta_keys=_base_.meta_keys)
load = [dict(type='LoadImageFromFile', color_type='grayscale'), dict(type='SingleChannel', grey=True)]
train_pipeline = [
    dict(type='LoadSaltSection'),
    label,
    dict(type='SingleChannel'),
    resize,
    flip,
    dict(type='RandomAmplitude', gain=(0.8, 1.25)),
    pack,
]
test_pipeline = [*load, resize, label, pack]  # the label as it is
views = [
    [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
    [label],
    [pack],
]
tta_pipeline = [*load, resize, dict(type='TestTimeAug', transforms=views)]
train_dataloader = dict(batch_size=24, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=24, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
