# Gathers and models that tools/make_shots.py wrote, from VELOCITY_DATA or data/velocity: train/, test/; 64 x 96, 30 m,
# 6 shots, 96 receivers, 2 s, Ricker 8 Hz. For other models: grid, num_shots, and scale and direct as below.

# No import statement: mmengine 0.10.7 takes one in a virtual environment for its other kind of config.
os = __import__('os')

data_root = os.environ.get('VELOCITY_DATA', 'data/velocity')
grid, num_shots = (64, 96), 6
velocity_range = (1500.0, 4500.0)
survey = dict(type='SaltVelocityDataset', data_root=data_root)
# Median absolute amplitude of the records' second half, and of the direct wave.
data_preprocessor = dict(type='ShotDataPreProcessor', scale=0.34, direct=-332.0, velocity_range=velocity_range)

load = [dict(type='LoadShots'), dict(type='LoadVelocity', size=grid)]
train_pipeline = [
    *load,
    dict(type='FlipLine'),
    dict(type='DecimateTime', step=2),
    dict(type='AddShotNoise', ratio=0.1),
    dict(type='DropTraces', share=0.1),
    dict(type='PackVelocityInputs'),
]
test_pipeline = [*load, dict(type='DecimateTime', step=2), dict(type='PackVelocityInputs')]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **survey),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=test_pipeline, test_mode=True, **survey),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='VelocityMetric', baseline=dict(split='train', **survey), velocity_range=velocity_range)
test_evaluator = val_evaluator
