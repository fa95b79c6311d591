# python tools/train.py configs/salt_recipe/efficientnet_lite0.py
# EfficientNet-Lite 0 with ImageNet weights as encoder. Needs mmattn[timm] and the file that docs/pretrained.md tells of
# (Encoders from timm).
_base_ = ['base.py']
weights = 'data/pretrained/efficientnet-lite0-57934424.pth'
model = dict(
    backbone=dict(
        _delete_=True,
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        pretrained=False,
        in_channels=3,
        init_cfg=dict(type='Pretrained', checkpoint=weights, source='efficientnet-lite0'),
    ),
    decode_head=dict(in_channels=(16, 24, 40, 112, 320)),
)
