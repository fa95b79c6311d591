# python tools/train.py configs/salt_unet_resnet34.py
# A U-Net on ResNet-34, from scratch, on salt tiles: those in SALT_DATA, else the synthetic survey.
_base_ = [
    '_base_/models/salt_r34.py',
    '_base_/datasets/salt.py',
    '_base_/schedules/salt_60e.py',
    '_base_/salt_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(
        type='AttentionUNetHead',
        decoder_channels=(256, 128, 64, 32, 32),  # three skip connections, then twice to the resolution of the section
        skip_attention=None,  # or dict(type='AttentionGate'), or any attention layer
        decoder_attention=dict(type='SCSE', reduction=16),
        hypercolumn=True,
        deep_supervision=True,
        empty_loss_weight=0.0,  # above 0 learns which sections are empty; suppress_empty=True then acts on it at test
        loss_decode=[_base_.loss_decode, dict(type='LovaszHingeLoss', symmetric=True)],
        **_base_.head,
    ),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
