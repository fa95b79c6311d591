# Cityscapes at data/cityscapes, prepared as MMSegmentation describes: random scale, crop of 769, mirror.
_base_ = ['photographs.py']
data_root = 'data/cityscapes'
scale, crop_size = (2048, 1024), (769, 769)
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
ratios = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
tta_pipeline = [
    _base_.load_image,
    dict(
        type='TestTimeAug',
        transforms=[[dict(scale_factor=ratio, **_base_.resize) for ratio in ratios], *_base_.tta_steps],
    ),
]

dataset = dict(type='CityscapesDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'), pipeline=train_pipeline, **dataset
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'), pipeline=test_pipeline, **dataset
    ),
)
test_dataloader = val_dataloader
