# TransUNet (https://arxiv.org/abs/2102.04306) at its published size, R50-ViT-B/16, from Google's ImageNet-21k weights.
_base_ = ['salt_output.py']
weights = 'data/pretrained/R50+ViT-B_16.npz'  # docs/pretrained.md says which file it is
losses = [  # the paper's halves
    dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True, loss_weight=0.5),
    dict(type='DiceLoss', loss_weight=0.5),
]
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    backbone=dict(
        type='HybridViT',
        img_size=224,
        in_channels=3,  # a section is repeated
        init_cfg=dict(type='Pretrained', checkpoint=weights, source='vit-imagenet21k'),
    ),
    decode_head=dict(
        type='CascadedUpsamplerHead',
        in_channels=(64, 256, 512, 768),
        loss_decode=losses,
        **{**_base_.output, 'dropout_ratio': 0.0, 'align_corners': True},
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
