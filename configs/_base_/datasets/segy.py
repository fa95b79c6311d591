# Sections of a seismic volume with a label volume on the same grid. SEGY_AMPLITUDE and SEGY_LABEL name the files (.sgy,
# .segy, .npy or .zarr), SEGY_OPTIONS what else SegySaltDataset takes for them, as JSON: '{"iline": 9, "xline": 21}'.

# No import statements: mmengine 0.10.7 takes those of a virtual environment for its other kind of config.
json = __import__('json')
os = __import__('os')

volume = dict(
    amplitude=os.environ.get('SEGY_AMPLITUDE'), label=os.environ.get('SEGY_LABEL'), direction=['iline', 'xline']
)
volume.update(json.loads(os.environ.get('SEGY_OPTIONS', '{}')))
split = dict(val_fraction=0.2, num_blocks=1, guard=4)

# Zero amplitude is 128, the volume's clip 1 and 255, see mmattn.seismic.to_grey.
data_preprocessor = dict(type='SaltDataPreProcessor', mean=128.0, std=40.0, size_divisor=32)

meta_keys = ('img_path', 'seg_map_path', 'img_id', 'group', 'ori_shape', 'img_shape', 'scale_factor')
meta_keys += ('flip', 'flip_direction', 'reduce_zero_label')
train_pipeline = [
    dict(type='LoadSegySection'),
    dict(type='RandomCrop', crop_size=(128, 128)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),  # never vertical: time does not run backwards
    dict(type='RandomAmplitude', gain=(0.8, 1.25)),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
section_pipeline = [
    dict(type='LoadSegySection'),
    dict(type='SingleChannel', grey=True),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
# What MMSegmentation's inference API uses: images, arrays and addresses of sections.
test_pipeline = [dict(type='LoadImageFromFile', color_type='grayscale'), *section_pipeline[1:]]
tta_pipeline = [
    dict(type='LoadSegySection'),
    dict(type='SingleChannel', grey=True),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
tta_model = dict(type='SaltTTAModel')

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SegySaltDataset',
        volumes=[volume],
        split='train',
        window=(160, 160),  # samples and traces
        stride=(80, 80),
        pipeline=train_pipeline,
        **split,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SegySaltDataset',
        volumes=[volume],
        split='val',
        window=(256, 256),
        pipeline=section_pipeline,
        test_mode=True,
        **split,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SaltMetric')
test_evaluator = val_evaluator
