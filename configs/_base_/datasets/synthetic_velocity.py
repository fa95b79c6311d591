# Velocity models of the synthetic survey, 64 x 96 at 30 m, and gathers modelled over them at first use (6 shots, 96
# receivers, 2 s, Ricker 8 Hz; 0.3 s a model on one core), kept in VELOCITY_CACHE or data/synthetic_velocity.

# No import statement: mmengine 0.10.7 takes one in a virtual environment for its other kind of config.
os = __import__('os')

cache_dir = os.environ.get('VELOCITY_CACHE', 'data/synthetic_velocity')
grid, num_shots = (64, 96), 6
velocity_range = (1500.0, 4500.0)
survey = dict(
    type='SyntheticVelocityDataset',
    size=grid,
    dx=30.0,
    acquisition=dict(num_shots=num_shots, dt=0.004, nt=500, frequency=8.0),
    cache_dir=cache_dir,
)
# Median absolute amplitude of the records' second half, and of the direct wave, over 100 models of seed 1.
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
train_models = dict(num_models=1200, seed=1, **survey)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **train_models),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(num_models=50, seed=2, pipeline=test_pipeline, test_mode=True, **survey),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='VelocityMetric', baseline=train_models, velocity_range=velocity_range)
test_evaluator = val_evaluator
