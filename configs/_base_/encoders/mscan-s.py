_base_ = ['mscan-t.py']
encoder = dict(
    embed_dims=[64, 128, 320, 512],
    depths=[2, 2, 4, 2],
    init_cfg=dict(
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segnext/mscan_s_20230227-f33ccdf2.pth'
    ),
)
levels = (64, 128, 320, 512)
