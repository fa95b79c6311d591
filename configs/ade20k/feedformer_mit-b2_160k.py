# python tools/train.py configs/ade20k/feedformer_mit-b2_160k.py
# FeedFormer (https://github.com/jhshim1995/FeedFormer) on MiT-B2.
_base_ = ['../_base_/encoders/mit-b2.py', '../_base_/four_levels_ade20k.py']
model = dict(
    backbone=_base_.encoder, decode_head=dict(type='FeedFormerHead', in_channels=_base_.levels, embed_dims=768)
)
