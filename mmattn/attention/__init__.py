"""Attention layers in plain PyTorch: one mechanism, one file, one function and one thin module."""

from mmattn.attention.axial import AxialAttention, SingleAxisAttention, axial_attention
from mmattn.attention.cbam import CBAM
from mmattn.attention.channel import ChannelAttention, channel_attention
from mmattn.attention.coordinate import CoordinateAttention
from mmattn.attention.criss_cross import CrissCrossAttention, criss_cross_attention
from mmattn.attention.dual import DualAttention
from mmattn.attention.efficient_channel import EfficientChannelAttention, efficient_channel_attention
from mmattn.attention.gate import AttentionGate, gate_coefficients
from mmattn.attention.mix import FeatureMixer, MixAttention
from mmattn.attention.non_local import NonLocal, concatenation_attention, dot_product_attention
from mmattn.attention.position import PositionAttention, position_attention
from mmattn.attention.registry import build_attention, list_attention
from mmattn.attention.scale_aware_modulation import ScaleAwareModulation, multi_head_mixed_convolution
from mmattn.attention.scse import SCSE
from mmattn.attention.squeeze_excitation import SqueezeExcitation, squeeze_excitation
from mmattn.attention.tokens import multi_head_attention
from mmattn.kernels.engines import use_engine
