# python tools/train.py configs/salt_recipe/distilled.py
# no_resize that also learns what a trained best_no_resize says of each tile (train that first; more teachers are more
# entries of the list, and are averaged).
_base_ = ['no_resize.py']
teacher = dict(config='salt_recipe/best_no_resize', checkpoint='work_dirs/best_no_resize/epoch_40.pth')
model = dict(type='DistilledEncoderDecoder', teachers=[teacher])
