# Salt tiles: of the folder in SALT_DATA, written by tools/prepare_tgs.py, or else of the built-in synthetic survey.

# No import statements: mmengine 0.10.7 takes those of a virtual environment for its other kind of config.
json = __import__('json')
os = __import__('os')

salt_data = os.environ.get('SALT_DATA')
fold, num_folds = 0, 5

# Mean and standard deviation of the survey's 8-bit amplitudes: of the synthetic survey, or as the preparation found.
survey_mean, survey_std = 128.0, 33.4
if salt_data and os.path.isfile(os.path.join(salt_data, 'survey.json')):
    amplitude = json.loads(open(os.path.join(salt_data, 'survey.json')).read())['amplitude']
    survey_mean, survey_std = amplitude['mean'], amplitude['std']
data_preprocessor = dict(type='SaltDataPreProcessor', mean=survey_mean, std=survey_std, size_divisor=32)

meta_keys = ('img_path', 'seg_map_path', 'img_id', 'depth', 'group', 'ori_shape', 'img_shape', 'scale_factor')
meta_keys += ('flip', 'flip_direction', 'reduce_zero_label')
train_pipeline = [
    dict(type='LoadSaltSection'),
    dict(type='LoadSaltAnnotations'),
    dict(type='SingleChannel'),
    dict(type='RandomResize', scale=(101, 101), ratio_range=(0.8, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(101, 101)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),  # never vertical: time does not run backwards
    dict(type='RandomAmplitude', gain=(0.8, 1.25)),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale'),
    dict(type='LoadSaltAnnotations'),
    dict(type='SingleChannel', grey=True),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
tta_pipeline = [
    dict(type='LoadImageFromFile', color_type='grayscale'),
    dict(type='SingleChannel', grey=True),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='LoadSaltAnnotations')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ],
    ),
]
tta_model = dict(type='SaltTTAModel')

if salt_data is None:
    num_workers = 2  # 2 ms a section
    note = 'Set SALT_DATA to a folder written by tools/prepare_tgs.py for real tiles.'
    train_dataset = dict(type='SyntheticSaltDataset', num_sections=4000, seed=1, note=note)
    val_dataset = dict(type='SyntheticSaltDataset', num_sections=400, seed=2, note=note)
else:
    num_workers = 0  # to hand tiles from one process to another takes longer than to load and augment them
    train_dataset = dict(type='SaltDataset', data_root=salt_data, fold=fold, num_folds=num_folds, split='train')
    train_dataset['in_memory'] = True  # 20 kB a tile
    val_dataset = dict(type='SaltDataset', data_root=salt_data, fold=fold, num_folds=num_folds, split='val')

train_dataloader = dict(
    batch_size=16,
    num_workers=num_workers,
    persistent_workers=num_workers > 0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **train_dataset),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=num_workers,
    persistent_workers=num_workers > 0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline, test_mode=True, **val_dataset),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SaltMetric')
test_evaluator = val_evaluator
