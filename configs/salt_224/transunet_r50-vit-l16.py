# python tools/train.py configs/salt_224/transunet_r50-vit-l16.py
# TransUNet with the large transformer, from scratch: there are no published weights of it. 324.02 million parameters,
# 73.2 thousand million multiply-adds.
_base_ = ['transunet_r50-vit-b16.py']
model = dict(
    backbone=dict(embed_dims=1024, num_layers=24, num_heads=16, init_cfg=None),
    decode_head=dict(in_channels=(64, 256, 512, 1024)),
)
