# python tools/train.py configs/cityscapes/feedformer_mit-b0_160k.py
# FeedFormer (https://github.com/jhshim1995/FeedFormer) on MiT-B0.
_base_ = ['../_base_/encoders/mit-b0.py', '../_base_/four_levels_cityscapes.py']
model = dict(backbone=_base_.encoder, decode_head=dict(type='FeedFormerHead', in_channels=_base_.levels))
