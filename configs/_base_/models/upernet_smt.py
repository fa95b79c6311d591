# UperNet on an encoder of the SMT family, as SMT's authors train it; leaves choose the encoder. Their ImageNet weights
# (https://github.com/AFeng-x/SMT) are read as they come, from data/pretrained/smt_ARCH.pth or another file.
# Stochastic depth has the rates of their training on ImageNet; in their code for segmentation it is dropout.
norm_cfg = dict(type='SyncBN', requires_grad=True)
shared = dict(dropout_ratio=0.1, num_classes=150, norm_cfg=norm_cfg, align_corners=False)
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    backbone=dict(type='SMT', in_channels=3, init_cfg=dict(type='Pretrained', source='smt')),
    decode_head=dict(
        type='UPerHead',
        in_channels=(64, 128, 256, 512),
        in_index=(0, 1, 2, 3),
        channels=512,
        loss_decode=dict(type='CrossEntropyLoss'),
        **shared,
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=256,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4),
        **shared,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
