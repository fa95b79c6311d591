# python tools/train.py configs/salt_recipe/gates.py
# Attention gates on the skip connections.
_base_ = ['base.py']
model = dict(decode_head=dict(skip_attention=dict(_delete_=True, type='AttentionGate')))
