# SALT_DATA=data/salt python tools/train.py configs/salt_recipe/synthetic.py
# From a network that base.py trained on the synthetic survey for 10 epochs; docs/benchmark.md has the command. Encoder
# and decoder are taken, not the amplitude statistics: sections are normalised by the survey they belong to.
_base_ = ['base.py']
trained = 'work_dirs/salt_recipe_synthetic/epoch_10.pth'
model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=trained, prefix='backbone')),
    decode_head=dict(init_cfg=dict(type='Pretrained', checkpoint=trained, prefix='decode_head')),
)
