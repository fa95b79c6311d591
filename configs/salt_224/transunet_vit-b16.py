# python tools/train.py configs/salt_224/transunet_vit-b16.py
# TransUNet's ViT-B/16 without a residual network, so without skip connections. 91.67 million parameters, 23.0 thousand
# million multiply-adds.
_base_ = ['transunet_r50-vit-b16.py']
model = dict(
    backbone=dict(resnet_depths=None, init_cfg=dict(checkpoint='data/pretrained/ViT-B_16.npz')),
    decode_head=dict(in_channels=(768,)),
)
