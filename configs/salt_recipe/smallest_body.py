# python tools/train.py configs/salt_recipe/smallest_body.py
# Predicted bodies below 32 pixels are left out. Of a trained base.py the same is had without training:
# python tools/test.py configs/salt_recipe/smallest_body.py CHECKPOINT
_base_ = ['base.py']
val_evaluator = dict(min_body=32)
test_evaluator = val_evaluator
