# python tools/train.py configs/salt_recipe/efficientnet_lite2.py
# EfficientNet-Lite 2 as encoder, as efficientnet_lite0.py has Lite 0.
_base_ = ['efficientnet_lite0.py']
weights = 'data/pretrained/efficientnet-lite2-9656183e.pth'
model = dict(
    backbone=dict(model_name='tf_efficientnet_lite2', init_cfg=dict(checkpoint=weights, source='efficientnet-lite2')),
    decode_head=dict(in_channels=(16, 24, 48, 120, 352)),
)
