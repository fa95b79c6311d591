_base_ = ['mit-b1.py']
encoder = dict(
    num_layers=[3, 4, 6, 3],
    init_cfg=dict(
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b2_20220624-66e8bf70.pth'
    ),
)
