_base_ = ['mscan-s.py']
encoder = dict(
    depths=[3, 3, 12, 3],
    init_cfg=dict(
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segnext/mscan_b_20230227-3ab7d230.pth'
    ),
)
