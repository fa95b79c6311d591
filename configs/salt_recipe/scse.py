# python tools/train.py configs/salt_recipe/scse.py
# Concurrent squeeze and excitation at the end of each decoder block.
_base_ = ['base.py']
model = dict(decode_head=dict(decoder_attention=dict(type='SCSE', reduction=16)))
