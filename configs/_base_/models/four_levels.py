# A head that joins the four levels of an encoder; leaves add both.
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    decode_head=dict(
        dropout_ratio=0.1,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
