"""Networks with random weights in the place of trained ones that a config learns from."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.registry import MODELS


def bring_teachers(model: dict, folder: Path) -> dict:
    """Makes files for the teachers of a model's config, if it has any, names them in it, and returns it."""
    if 'teachers' not in model:
        return model
    plain = Config(dict(model=model)).to_dict()['model'] | dict(type='EncoderDecoder')
    del plain['teachers']
    Config(dict(model=plain)).dump(folder / 'teacher.py')
    meta = dict(dataset_meta=dict(classes=('background', 'salt'), palette=None))
    torch.save(dict(state_dict=MODELS.build(plain).state_dict(), meta=meta), folder / 'teacher.pth')
    for teacher in model['teachers']:
        teacher.update(config=str(folder / 'teacher.py'), checkpoint=str(folder / 'teacher.pth'))
    return model
