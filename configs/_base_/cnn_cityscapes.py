# Dilated ResNet-50 on Cityscapes, batches of 8 crops (4 GPUs); a leaf adds its head and schedule.
_base_ = ['models/r50-d8.py', 'datasets/cityscapes.py', 'by_iteration.py']
model = dict(data_preprocessor=_base_.data_preprocessor, auxiliary_head=dict(num_classes=19))
cnn_head = dict(num_classes=19, **_base_.head)
