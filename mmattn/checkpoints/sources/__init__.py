"""The published checkpoints that we read: one file a family."""

from collections.abc import Mapping

from torch import Tensor

from mmattn.checkpoints.convert import (
    Conversion,
    Source,
    convert,
    single_part,
    split_segmentor,
    strip_component,
    take_component,
    take_part,
    unwrap,
)
from mmattn.checkpoints.groups import check_complete
from mmattn.checkpoints.sources.attention_gate import ATTENTION_GATE
from mmattn.checkpoints.sources.attention_unet import ATTENTION_UNET
from mmattn.checkpoints.sources.axial_deeplab import AXIAL_DEEPLAB
from mmattn.checkpoints.sources.cbam import CBAM
from mmattn.checkpoints.sources.ccnet import CCNET
from mmattn.checkpoints.sources.coordattention import COORDATTENTION
from mmattn.checkpoints.sources.danet import DANET
from mmattn.checkpoints.sources.efficientnet_lite import EFFICIENTNET_LITE
from mmattn.checkpoints.sources.feedformer import FEEDFORMER
from mmattn.checkpoints.sources.lvt import LVT
from mmattn.checkpoints.sources.mmcv import MMCV
from mmattn.checkpoints.sources.mmseg import MMSEG
from mmattn.checkpoints.sources.senet import SENET
from mmattn.checkpoints.sources.smt import SMT
from mmattn.checkpoints.sources.swin import SWIN, SWIN_DECODER
from mmattn.checkpoints.sources.swin_unet import SWIN_UNET
from mmattn.checkpoints.sources.torchvision import TORCHVISION
from mmattn.checkpoints.sources.transunet import TRANSUNET
from mmattn.checkpoints.sources.u_mixformer import U_MIXFORMER
from mmattn.checkpoints.sources.vit_imagenet21k import VIT_IMAGENET21K
from mmattn.common.names import did_you_mean

_SOURCES: dict[str, Source] = {
    'attention-gate': ATTENTION_GATE,
    'attention-unet': ATTENTION_UNET,
    'axial-deeplab': AXIAL_DEEPLAB,
    'cbam': CBAM,
    'ccnet': CCNET,
    'coordattention': COORDATTENTION,
    'danet': DANET,
    **EFFICIENTNET_LITE,
    'feedformer': FEEDFORMER,
    'lvt': LVT,
    'mmcv': MMCV,
    'mmseg': MMSEG,
    'senet': SENET,
    'smt': SMT,
    'swin': SWIN,
    'swin-decoder': SWIN_DECODER,
    'swin-unet': SWIN_UNET,
    'torchvision': TORCHVISION,
    'transunet': TRANSUNET,
    'u-mixformer': U_MIXFORMER,
    'vit-imagenet21k': VIT_IMAGENET21K,
}


def list_sources() -> list[str]:
    """Returns the sources that ``convert_state_dict`` knows, sorted."""
    return sorted(_SOURCES)


def convert_state_dict(state_dict: Mapping, source: str) -> dict[str, Tensor]:
    """Renames the tensors of a published checkpoint to ours.

    Args:
        state_dict: names to tensors of one component (a head, a layer), with or without the prefix that a full
            checkpoint has (``decode_head.``, ``module.head.``): a prefix that every key has is taken off. Or a
            checkpoint with a ``state_dict`` entry. Sources that have whole segmentors keep their parts' prefixes.
        source: one of ``list_sources()``.

    Returns:
        Our names to the tensors; unused tensors are dropped by name.

    Raises:
        ValueError: for an unknown source.
        KeyError: for tensors that the source does not have, and for missing ones where a layer or a head is there
            in part (``Source.groups``); the message names them. Also where there is no tensor at all.
        TypeError: for entries that are not tensors, and where the state dict is no dict.
    """
    return convert_checkpoint(state_dict, source).tensors


def convert_checkpoint(checkpoint: Mapping, source: str, *, component: str | None = None) -> Conversion:
    """Does what ``convert_state_dict`` does, and tells what became of each tensor.

    Args:
        checkpoint: as ``convert_state_dict`` takes it; the entry may also be called ``model``.
        source: one of ``list_sources()``.
        component: only the tensors under this prefix (``head``) are converted; all by default. Of sources that split a
            network, ``swin-unet``, also ``backbone`` or ``decode_head``.

    Raises:
        ValueError, KeyError, TypeError: as ``convert_state_dict``; KeyError also if ``component`` is not there.
    """
    if source not in _SOURCES:
        hint = did_you_mean(source, _SOURCES)
        raise ValueError(f'convert_state_dict: no source {source!r}{hint}; there are {", ".join(list_sources())}')
    chosen = _SOURCES[source]
    tensors = unwrap(checkpoint)
    part = component.removesuffix('.') if component is not None else None
    if part in chosen.parts and not any(name.startswith(f'{part}.') for name in tensors):
        conversion = take_part(convert(strip_component(tensors, chosen), chosen.rules, source), part)
        check_complete(conversion.tensors, chosen.groups, source)
        return conversion
    if component is not None:
        tensors = take_component(tensors, component)
    backbone, others = split_segmentor(tensors) if chosen.segmentors else ({}, {})
    if others:
        return _convert_segmentor(backbone, others, source)
    conversion = single_part(convert(strip_component(tensors, chosen), chosen.rules, source), chosen.parts)
    check_complete(conversion.tensors, chosen.groups, source)
    return conversion


def _convert_segmentor(backbone: dict[str, Tensor], others: dict[str, Tensor], source: str) -> Conversion:
    """Converts a segmentor of MMSegmentation's: its backbone without the prefix, and its other parts."""
    inner = convert_checkpoint(backbone, source)
    kept = {key: value for key, value in others.items() if not key.startswith('data_preprocessor.')}
    return Conversion(
        {f'backbone.{name}': value for name, value in inner.tensors.items()} | kept,
        {f'backbone.{old}': f'backbone.{new}' for old, new in inner.renamed.items()} | {key: key for key in kept},
        (*(f'backbone.{name}' for name in inner.dropped), *(key for key in others if key not in kept)),
    )
