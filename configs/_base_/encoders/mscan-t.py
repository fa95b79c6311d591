# MSCAN-T, the encoder of SegNeXt (https://arxiv.org/abs/2209.08575), from ImageNet.
encoder = dict(
    type='MSCAN',
    in_channels=3,
    embed_dims=[32, 64, 160, 256],
    depths=[3, 3, 5, 2],
    mlp_ratios=[8, 8, 4, 4],
    drop_path_rate=0.1,
    norm_cfg=dict(type='BN', requires_grad=True),
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segnext/mscan_t_20230227-119e8c9f.pth',
    ),
)
levels = (32, 64, 160, 256)
