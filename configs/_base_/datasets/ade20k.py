# ADE20K at data/ade/ADEChallengeData2016, prepared as MMSegmentation describes: random scale, crop of 512, mirror.
_base_ = ['photographs.py']
data_root = 'data/ade/ADEChallengeData2016'
scale, crop_size = (2048, 512), (512, 512)
data_preprocessor = dict(size=crop_size)
train_pipeline = [
    _base_.load_image,
    _base_.load_labels,
    dict(scale=scale, **_base_.random_resize),
    dict(crop_size=crop_size, **_base_.random_crop),
    *_base_.augment,
    _base_.pack,
]
test_pipeline = [_base_.load_image, dict(scale=scale, **_base_.resize), _base_.load_labels, _base_.pack]
ratios = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
tta_pipeline = [
    _base_.load_image,
    dict(
        type='TestTimeAug',
        transforms=[[dict(scale_factor=ratio, **_base_.resize) for ratio in ratios], *_base_.tta_steps],
    ),
]

dataset = dict(type='ADE20KDataset', data_root=data_root)  # the dataset ignores label 0 by itself
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
        pipeline=train_pipeline,
        **dataset,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        pipeline=test_pipeline,
        **dataset,
    ),
)
test_dataloader = val_dataloader
