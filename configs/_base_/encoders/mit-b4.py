_base_ = ['mit-b1.py']
encoder = dict(
    num_layers=[3, 8, 27, 3],
    init_cfg=dict(
        checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b4_20220624-d588d980.pth'
    ),
)
