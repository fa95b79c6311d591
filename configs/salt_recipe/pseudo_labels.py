# SALT_DATA=data/salt python tools/train.py configs/salt_recipe/pseudo_labels.py
# Unlabelled tiles with the masks that other models predict for them, in SALT_DATA/test/masks; docs/benchmark.md has the
# commands. An epoch is longer by those tiles. Without SALT_DATA, on the synthetic survey, this is base.py.
_base_ = ['base.py']
if _base_.salt_data is not None:
    train_dataloader = dict(dataset=dict(pseudo_masks=f'{_base_.salt_data}/test/masks'))
