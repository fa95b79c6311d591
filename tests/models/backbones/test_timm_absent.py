"""What is said where timm is missing, or its torchvision does not import."""

import importlib
import sys
from unittest.mock import patch

import pytest
from mmseg.registry import MODELS

import mmattn
from mmattn import registration


def test_without_timm_one_line_says_how_to_get_it():
    assert mmattn.__version__
    with (
        patch.object(sys.modules['mmseg.models.backbones.timm_backbone'], 'timm', None),
        pytest.raises(ImportError, match=r"TIMMBackbone: timm is not installed; .*pip install 'mmattn\[timm\]'"),
    ):
        MODELS.build(dict(type='TIMMBackbone', model_name='resnet10t', pretrained=False))


def test_a_torchvision_of_another_build_is_explained():
    error = RuntimeError('operator torchvision::nms does not exist')
    with (
        patch.object(importlib, 'import_module', side_effect=error),
        pytest.raises(ImportError, match=r'torchvision that was built for another PyTorch .*pip install torchvision'),
    ):
        registration._import_mmseg()
    with (
        patch.object(importlib, 'import_module', side_effect=RuntimeError('something else')),
        pytest.raises(RuntimeError, match='something else'),
    ):
        registration._import_mmseg()
