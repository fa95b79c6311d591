# A family of OpenFWI (https://arxiv.org/abs/2111.02926; data CC BY-NC-SA 4.0, not ours to give), 70 x 70 at 10 m, from
# OPENFWI_DATA or data/openfwi. train.txt and val.txt list pairs as the published split lists do: gathers, TAB, models.
# Their amplitudes have another scale and the opposite sign of gathers that tools/make_shots.py models.

# No import statement: mmengine 0.10.7 takes one in a virtual environment for its other kind of config.
os = __import__('os')

data_root = os.environ.get('OPENFWI_DATA', 'data/openfwi')
grid, num_shots = (70, 70), 5
velocity_range = (1500.0, 4500.0)
# sign(x) log(1 + |x|), as published; the published scaling to [-1, 1] after it is left to the first convolution.
data_preprocessor = dict(type='ShotDataPreProcessor', power=0.0, compress='log1p', velocity_range=velocity_range)
survey = dict(
    type='SaltVelocityDataset',
    data_root=data_root,
    layout='openfwi-list',
    acquisition=dict(
        dx=10.0,
        dt=0.001,
        nt=1000,
        frequency=15.0,
        sources=[(1, column) for column in (0, 17, 34, 52, 69)],
        receivers=[(1, column) for column in range(70)],
    ),
)
# No FlipLine: the middle source is not in the middle of the line.
pipeline = [dict(type='LoadShots'), dict(type='LoadVelocity', size=grid), dict(type='PackVelocityInputs')]
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train.txt', pipeline=pipeline, **survey),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='val.txt', pipeline=pipeline, test_mode=True, **survey),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='VelocityMetric',
    baseline=dict(split='train.txt', **survey),
    velocity_range=velocity_range,
    like='openfwi',
)
test_evaluator = val_evaluator
