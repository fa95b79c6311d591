# python tools/train.py configs/cityscapes/feedformer_lvt_160k.py
# FeedFormer (https://github.com/jhshim1995/FeedFormer) on LVT.
_base_ = ['../_base_/encoders/lvt.py', '../_base_/four_levels_cityscapes.py']
model = dict(backbone=_base_.encoder, decode_head=dict(type='FeedFormerHead', in_channels=_base_.levels))
