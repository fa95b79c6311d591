# python tools/train.py configs/salt_unet_resnet34_imagenet.py
# salt_unet_resnet34.py with an encoder from ImageNet: torchvision's weights, downloaded when training starts, or from a
# file: --cfg-options model.backbone.init_cfg.checkpoint=FILE. The first convolution's colours are added up.
_base_ = ['salt_unet_resnet34.py']
weights = 'https://download.pytorch.org/models/resnet34-b627a593.pth'
model = dict(backbone=dict(init_cfg=dict(type='PretrainedOneChannel', checkpoint=weights, source='torchvision')))
