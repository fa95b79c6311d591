# python tools/train.py configs/salt_recipe/large_input.py
# The network sees tiles at twice their resolution: 101 -> 202, padded to 256. Predictions come back at 101.
_base_ = ['base.py']
model = dict(data_preprocessor=dict(enlarge=2, size_divisor=64))
