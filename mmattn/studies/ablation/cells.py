"""The cells of an ablation: one attention layer at one place with one seed, each a config of its own."""

import inspect
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.backbones.resnet import BasicBlock
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS

from mmattn.attention.registry import mechanisms
from mmattn.common.names import PLACES, did_you_mean
from mmattn.models.decode_heads import AttentionHead
from mmattn.studies import Cell

ALL, NONE, ADDITIVE = 'all', 'none', 'additive'  # ADDITIVE: the gates of an AttentionUNet, for where='skip'


def resolve_attention(names: Iterable[str]) -> list[str]:
    """Returns the classes that short or full names mean, each once, in order; 'none' and 'additive' stay.

    'all' means none and every layer.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    layers = mechanisms(inputs=1)
    known = {name: name for name in (NONE, ADDITIVE, *layers)} | {layer.short: name for name, layer in layers.items()}
    names = [one for name in names for one in ((NONE, *layers) if name == ALL else (name,))]
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise ValueError(f'no attention {", ".join(map(repr, unknown))}{hint}; there are {ALL}, {", ".join(known)}')
    return list(dict.fromkeys(known[name] for name in names))


def make_cells(out: Path, attention: Iterable[str], seeds: Iterable[int]) -> list[Cell]:
    """Returns a cell for each layer and seed, seed by seed, so that an early table compares all layers."""
    attention = list(attention)
    return [Cell(name, seed, out / f'{name}-seed{seed}') for seed in dict.fromkeys(seeds) for name in attention]


def place_attention(config: Config, attention: str, where: str) -> dict:
    """Returns the changes to a config's ``model`` that put one attention layer in place.

    Args:
        config: of an encoder-decoder with one decode head.
        attention: class of the layer, 'none' for the same model without it, or 'additive' for an ``AttentionUNet``'s
            gates as they are.
        where: 'neck': on the last map of the pyramid. 'head': ``AttentionHead`` with the options of the config's own
            head. 'backbone': after the second convolution of each bottleneck block of the last stage. 'skip': on the
            skip connections of an ``AttentionUNet`` in place of its gates, the backbone's or that of a ``ShotEncoder``.

    Raises:
        ValueError: if that place does not fit the config; the message says why.
    """
    if where not in PLACES:
        raise ValueError(f'where must be one of {", ".join(PLACES)}, got {where!r}')
    for part in ('backbone', 'decode_head'):
        if not isinstance(config.model.get(part), dict):
            raise ValueError(f'where={where}: the config must have one model.{part}, got {config.model.get(part)!r}')
    if attention == ADDITIVE:
        if where != 'skip':
            raise ValueError(f"attention 'additive' has its place on the skip connections, got where={where}")
        _skipping_unet(config.model)
        return {}
    layer = None if attention == NONE else dict(type=attention)
    place = dict(neck=_in_neck, head=_in_head, backbone=_in_backbone, skip=_on_skips)[where]
    return place(config.model, layer)


def write_config(cell: Cell, base: Path, changes: dict) -> None:
    """Writes a cell's config: the base's path, the cell's changes to the model and its seed."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f'# {cell.variant}, seed {cell.seed}; written by tools/ablate.py',
        f'_base_ = [{str(base.resolve())!r}]',
        f'randomness = dict(seed={cell.seed})',
        f'model = {changes!r}' if changes else '',
    ]
    cell.config.write_text('\n'.join(lines).strip() + '\n', encoding='utf-8')


def _in_neck(model: Config, layer: dict | None) -> dict:
    if model.get('neck') is not None:
        raise ValueError(f'where=neck: the config has a neck already, {model.neck.type}')
    if layer is None:
        return {}
    channels = pyramid_channels(model)
    used = model.decode_head.get('in_index', -1)
    used = list(used) if isinstance(used, Sequence) else [used]
    if not {-1, len(channels) - 1} & set(used):
        raise ValueError(f'where=neck: the decode head reads map {used}, not the last of {len(channels)}')
    return dict(neck=dict(type='AttentionNeck', in_channels=channels, attention=[None] * (len(channels) - 1) + [layer]))


def _in_head(model: Config, layer: dict | None) -> dict:
    head = model.decode_head
    if 'channels' not in head:
        raise ValueError(
            f'where=head: {head.get("type")} has no `channels`, which AttentionHead would take from it; '
            'take where=neck or the config of another head'
        )
    if isinstance(head.get('in_channels'), list | tuple) and head.get('input_transform') is None:
        raise ValueError(
            'where=head: decode_head.in_channels names several maps; '
            'choose model.decode_head.input_transform=resize_concat'
        )
    options = {name for base in (AttentionHead, BaseDecodeHead) for name in inspect.signature(base).parameters}
    kept = {name: value for name, value in head.to_dict().items() if name in options}
    return dict(decode_head=dict(kept, _delete_=True, type='AttentionHead', attention=layer))


def _in_backbone(model: Config, layer: dict | None) -> dict:
    backbone = model.backbone
    kind = MODELS.get(backbone.type)
    settings = getattr(kind, 'arch_settings', {}).get(backbone.get('depth'))
    if settings is None or not hasattr(kind, 'make_stage_plugins'):
        raise ValueError(f'where=backbone: {backbone.type} takes no plugins; ResNets of MMSegmentation do')
    if issubclass(settings[0], BasicBlock):
        raise ValueError(
            f'where=backbone: {backbone.type} of depth {backbone.depth} has basic blocks, in which MMSegmentation '
            'allows no plugins; take depth 50 or more, or another place'
        )
    if layer is None:
        return {}
    stages = backbone.get('num_stages', 4)
    plugin = dict(cfg=layer, stages=(False,) * (stages - 1) + (True,), position='after_conv2')
    return dict(backbone=dict(plugins=[*backbone.get('plugins', []), plugin]))


def _on_skips(model: Config, layer: dict | None) -> dict:
    unet = _skipping_unet(model)
    change = dict(gate=dict(layer, _delete_=True) if layer and 'gate' in unet else layer)
    return dict(backbone=change if unet is model.backbone else dict(backbone=change))


def _skipping_unet(model: Config) -> Config:
    inner = model.backbone.get('backbone')
    unet = model.backbone if inner is None else inner
    if unet.get('type') != 'AttentionUNet' or unet.get('gate') == 'grid':
        raise ValueError(
            f"where=skip: the backbone must be an AttentionUNet with gate='additive', got {unet.get('type')} with "
            f'gate={unet.get("gate", "additive")!r}'
        )
    return unet


def pyramid_channels(model: Config) -> list[int]:
    """Returns the channels of each map that a model's backbone returns.

    Raises:
        ValueError: if the backbone cannot be built; the message says why.
    """
    init_default_scope('mmseg')
    try:
        backbone = MODELS.build(deepcopy(model.backbone))
    except Exception as error:
        raise ValueError(f'the backbone cannot be built: {type(error).__name__}: {error}') from error
    backbone.eval()
    with torch.no_grad():
        channels = model.backbone.get('in_channels', model.backbone.get('num_shots', 3))
        maps = backbone(torch.zeros(1, channels, 64, 64))
    return [feature.shape[1] for feature in maps]
