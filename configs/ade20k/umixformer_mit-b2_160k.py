# python tools/train.py configs/ade20k/umixformer_mit-b2_160k.py
# U-MixFormer (https://arxiv.org/abs/2312.06272) on MiT-B2.
_base_ = ['../_base_/encoders/mit-b2.py', '../_base_/four_levels_ade20k.py']
model = dict(
    backbone=_base_.encoder, decode_head=dict(type='UMixFormerHead', in_channels=_base_.levels, embed_dims=768)
)
