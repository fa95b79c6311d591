_base_ = ['mit-b0.py']
encoder = dict(
    embed_dims=64,
    init_cfg=dict(
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b1_20220624-02e5a6a1.pth'
    ),
)
levels = (64, 128, 320, 512)
