# python tools/train.py configs/ccnet_salt_quick.py
# The quick variant of ccnet_salt.py for two CPU cores: a quarter of the channels, a few epochs.
_base_ = ['ccnet_salt.py']
model = dict(
    backbone=dict(base_channels=32, stem_channels=32),
    decode_head=dict(in_channels=256, channels=64),
    auxiliary_head=dict(in_channels=128, channels=32),
)
train_cfg = dict(max_epochs=4, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
