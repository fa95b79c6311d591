# LVT (https://arxiv.org/abs/2112.10809), from ImageNet. The authors' weights have no lasting address: put their file
# here, or name it with --cfg-options model.backbone.init_cfg.checkpoint=FILE.
encoder = dict(
    type='LVT',
    in_channels=3,
    init_cfg=dict(type='Pretrained', checkpoint='data/pretrained/lvt.pth', source='lvt', prefix='backbone'),
)
levels = (64, 64, 160, 256)
