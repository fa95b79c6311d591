# Dilated ResNet-50 on ADE20K, 160k iterations of 16 crops (4 GPUs); a leaf adds its head.
_base_ = ['models/r50-d8.py', 'datasets/ade20k.py', 'schedules/sgd_160k.py', 'by_iteration.py']
model = dict(data_preprocessor=_base_.data_preprocessor, auxiliary_head=dict(num_classes=150))
cnn_head = dict(num_classes=150, **_base_.head)
