# Velocity models in the layout of FCNVMB (Yang and Ma, Geophysics 84(4), 2019), 201 x 301 at 10 m, from FCNVMB_DATA or
# data/fcnvmb: vmodel_{train,test}/vmodelN.mat. Gathers were never published; these are modelled by
#   python tools/make_shots.py MODELS data/fcnvmb --layout fcnvmb --dx 10 --shots 29 --frequency 25 --dt 0.001 \
#       --nt 2000 --decimate 5 [--split test]
# which writes georec_{train,test}/georecN.mat, the models and acquisition.json. Other gathers need the latter too.

# No import statement: mmengine 0.10.7 takes one in a virtual environment for its other kind of config.
os = __import__('os')

data_root = os.environ.get('FCNVMB_DATA', 'data/fcnvmb')
grid, num_shots = (201, 301), 29
velocity_range = (1500.0, 4500.0)
# Median absolute amplitude of the records' second half, and of the direct wave, over ten of the published training
# models, gathers as above; of five of the SEG/EAGE sections 0.0135 and -36.0.
data_preprocessor = dict(type='ShotDataPreProcessor', scale=0.003, direct=-37.5, velocity_range=velocity_range)
survey = dict(type='SaltVelocityDataset', data_root=data_root, layout='fcnvmb')

load = [dict(type='LoadShots'), dict(type='LoadVelocity', size=grid)]
train_pipeline = [
    *load,
    dict(type='FlipLine'),
    dict(type='AddShotNoise', ratio=0.1),
    dict(type='DropTraces', share=0.1),
    dict(type='PackVelocityInputs'),
]
test_pipeline = [*load, dict(type='PackVelocityInputs')]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **survey),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=test_pipeline, test_mode=True, **survey),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='VelocityMetric', baseline=dict(split='train', **survey), velocity_range=velocity_range)
test_evaluator = val_evaluator
