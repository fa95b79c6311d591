# python tools/train.py configs/salt_recipe/resnet34.py
# ResNet-34 with ImageNet weights as encoder; from a file: --cfg-options model.backbone.init_cfg.checkpoint=FILE.
_base_ = ['base.py']
weights = 'https://download.pytorch.org/models/resnet34-b627a593.pth'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=34,
        norm_cfg=_base_.norm_cfg,
        norm_eval=False,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint=weights),
    ),
    decode_head=dict(in_channels=(64, 128, 256, 512)),
)
