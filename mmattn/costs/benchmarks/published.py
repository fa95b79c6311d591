"""The peers of our attention layers: mmcv's and mmseg's own modules as installed, and layers as published."""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mmcv
from mmcv.cnn import NonLocal2d
from mmengine.registry import MODELS
from mmseg.models.decode_heads.da_head import CAM, PAM
from mmseg.models.utils import SELayer
from torch import nn

from mmattn.attention import build_attention
from mmattn.costs.benchmarks.published_axial import PublishedAxialAttention
from mmattn.costs.benchmarks.published_vit import our_self_attention, published_self_attention
from mmattn.costs.benchmarks.published_window import PublishedWindowAttention, ShiftedWindows
from mmattn.models.blocks.swin import WindowAttention


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


def _ours(name: str, **options: object) -> Callable[..., nn.Module]:
    return lambda channels, height, width: build_attention(name, channels, **options)


def _axial(channels: int, height: int, width: int) -> nn.Module:
    return build_attention('AxialAttention', channels, kernel_size=max(height, width))


def _non_local(mode: str, channels: int, height: int, width: int) -> nn.Module:
    return NonLocal2d(channels, norm_cfg=dict(type='BN'), zeros_init=False, mode=mode)


Builder = Callable[[int, int, int], nn.Module]
# operator -> (ours, the peer's name, the peer), each from channels, height and width
PEERS: dict[str, tuple[Builder, str, Builder]] = {
    'criss_cross': (_ours('CrissCrossAttention'), 'mmcv CrissCrossAttention', lambda c, h, w: mmcv_criss_cross(c)),
    'position': (_ours('PositionAttention'), 'mmseg PAM', lambda c, h, w: PAM(c, c // 8)),
    'channel': (_ours('ChannelAttention'), 'mmseg CAM', lambda c, h, w: CAM()),
    'non_local': (_ours('NonLocal'), 'mmcv NonLocal2d', partial(_non_local, 'embedded_gaussian')),
    'non_local_gaussian': (_ours('NonLocal', mode='gaussian'), 'mmcv NonLocal2d', partial(_non_local, 'gaussian')),
    'non_local_dot_product': (
        _ours('NonLocal', mode='dot_product'),
        'mmcv NonLocal2d',
        partial(_non_local, 'dot_product'),
    ),
    'axial': (_axial, 'the published steps', PublishedAxialAttention),
    'vit': (our_self_attention, 'the published steps', published_self_attention),
    'squeeze_excitation': (
        _ours('SqueezeExcitation', reduction=16, gate='hard_sigmoid', divisor=8),
        'mmseg SELayer',
        lambda c, h, w: SELayer(c, 16),
    ),
    'window': (
        lambda c, h, w: ShiftedWindows(WindowAttention, c),
        'the published steps',
        lambda c, h, w: ShiftedWindows(PublishedWindowAttention, c),
    ),
}
