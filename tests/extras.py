"""Tests of what needs an extra that is not installed are left out, with the reason."""

import pytest
from mmengine.config import ConfigDict
from mmseg.models.backbones import timm_backbone


def skip_without_timm(backbone: ConfigDict) -> None:
    """Skips the test if the backbone is one of timm's, and timm (or the torchvision that it needs) is not there."""
    if backbone.type == 'TIMMBackbone' and timm_backbone.timm is None:
        pytest.skip('timm is not installed, or torchvision does not fit to torch')
