# python tools/train.py configs/cityscapes/umixformer_mscan-t_160k.py
# U-MixFormer (https://arxiv.org/abs/2312.06272) on MSCAN-T.
_base_ = ['../_base_/encoders/mscan-t.py', '../_base_/four_levels_cityscapes.py']
model = dict(backbone=_base_.encoder, decode_head=dict(type='UMixFormerHead', in_channels=_base_.levels))
