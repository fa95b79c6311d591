"""The peers of our attention layers: mmcv's and mmseg's own modules, as installed."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import mmcv
from mmcv.cnn import NonLocal2d
from mmengine.registry import MODELS
from mmseg.models.decode_heads.da_head import CAM, PAM
from mmseg.models.utils import SELayer
from torch import nn

from mmattn.attention import build_attention


def mmcv_criss_cross(channels: int) -> nn.Module:
    """Loads mmcv's criss-cross attention by its path: importing ``mmcv.ops`` needs compiled operators."""
    layer = MODELS.module_dict.get('CrissCrossAttention')
    if layer is None:
        path = Path(mmcv.__file__).parent / 'ops' / 'cc_attention.py'
        spec = importlib.util.spec_from_file_location('mmcv_cc_attention', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        layer = module.CrissCrossAttention
    return layer(channels)


# operator -> (ours, the peer's name, the peer), each from the number of channels
PEERS: dict[str, tuple[Callable[[int], nn.Module], str, Callable[[int], nn.Module]]] = {
    'criss_cross': (
        lambda channels: build_attention('CrissCrossAttention', channels),
        'mmcv CrissCrossAttention',
        mmcv_criss_cross,
    ),
    'position': (
        lambda channels: build_attention('PositionAttention', channels),
        'mmseg PAM',
        lambda channels: PAM(channels, channels // 8),
    ),
    'channel': (lambda channels: build_attention('ChannelAttention', channels), 'mmseg CAM', lambda channels: CAM()),
    'non_local': (
        lambda channels: build_attention('NonLocal', channels),
        'mmcv NonLocal2d',
        lambda channels: NonLocal2d(channels, norm_cfg=dict(type='BN'), zeros_init=False),
    ),
    'non_local_dot_product': (
        lambda channels: build_attention('NonLocal', channels, mode='dot_product'),
        'mmcv NonLocal2d',
        lambda channels: NonLocal2d(channels, norm_cfg=dict(type='BN'), zeros_init=False, mode='dot_product'),
    ),
    'squeeze_excitation': (
        lambda channels: build_attention('SqueezeExcitation', channels, reduction=16, gate='hard_sigmoid', divisor=8),
        'mmseg SELayer',
        lambda channels: SELayer(channels, 16),
    ),
}
