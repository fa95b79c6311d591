# MiT-B0, the encoder of SegFormer (https://arxiv.org/abs/2105.15203), from ImageNet.
encoder = dict(
    type='MixVisionTransformer',
    in_channels=3,
    embed_dims=32,
    num_layers=[2, 2, 2, 2],
    num_heads=[1, 2, 5, 8],
    drop_path_rate=0.1,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth',
    ),
)
levels = (32, 64, 160, 256)
