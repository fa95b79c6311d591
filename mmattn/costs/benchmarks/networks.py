"""The networks that ``speed.py model`` measures: decode heads on random pyramids, and whole experiments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS, OPTIMIZERS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.launch import load_config
from mmattn.common.errors import InputError
from mmattn.costs.complexity import input_size

# channels and strides of an encoder's four levels
ENCODERS = {
    'MiT-B0': ((32, 64, 160, 256), (4, 8, 16, 32)),
    'MiT-B2': ((64, 128, 320, 512), (4, 8, 16, 32)),
    'R50-D8': ((256, 512, 1024, 2048), (4, 8, 8, 8)),
}
_BN = dict(norm_cfg=dict(type='BN'))
_LAST = dict(in_channels=2048, in_index=3, channels=512, num_classes=19, **_BN)


def _levels(encoder: str, **options) -> dict:
    return dict(in_channels=list(ENCODERS[encoder][0]), num_classes=150, **_BN, **options)


# name -> (encoder, head): as the papers' configs have them
HEADS: dict[str, tuple[str, dict]] = {
    'umixformer_b0': ('MiT-B0', dict(type='UMixFormerHead', **_levels('MiT-B0'))),
    'umixformer_city_b0': ('MiT-B0', dict(type='UMixFormerHead', query_reduction=2, **_levels('MiT-B0'))),
    'umixformer_b2': ('MiT-B2', dict(type='UMixFormerHead', embed_dims=768, **_levels('MiT-B2'))),
    'feedformer_b0': ('MiT-B0', dict(type='FeedFormerHead', **_levels('MiT-B0'))),
    'ccnet': ('R50-D8', dict(type='CrissCrossHead', recurrence=2, **_LAST)),
    'danet': ('R50-D8', dict(type='DualAttentionHead', pam_channels=64, **_LAST)),
    'nonlocal': ('R50-D8', dict(type='NonLocalHead', **_LAST)),
}


@dataclass(frozen=True)
class Network:
    """Something to measure.

    Args:
        name: of the row.
        size: height and width of the images.
        batch: their number.
        device: where all lies.
        module: the head or the segmentor.
        inputs: what ``predict`` takes, without gradients.
        predict: forward pass to the logits, at the network's own resolution.
        losses: forward pass to the losses.
        optimiser: of the module's parameters.
    """

    name: str
    size: tuple[int, int]
    batch: int
    device: torch.device
    module: nn.Module
    inputs: Tensor | list[Tensor]
    predict: Callable[[object], object]
    losses: Callable[[object], dict]
    optimiser: torch.optim.Optimizer


def build_head(name: str, size: Sequence[int], batch: int, device: torch.device) -> Network:
    """Builds a head of ``HEADS`` and random maps of its encoder for images of one size.

    Args:
        name: of ``HEADS``.
        size: height and width of the images.
        batch: their number.
        device: where all lies.
    """
    init_default_scope('mmseg')
    encoder, config = HEADS[name]
    head = MODELS.build(dict(config)).to(device)
    maps = [
        torch.randn(batch, channels, *(-(-side // stride) for side in size), device=device)
        for channels, stride in zip(*ENCODERS[encoder])
    ]
    samples = _samples(batch, size, config['num_classes'], device)
    optimiser = torch.optim.AdamW(head.parameters(), lr=6e-5, weight_decay=0.01)
    return Network(
        name, tuple(size), batch, device, head, maps, head, lambda inputs: head.loss(inputs, samples, {}), optimiser
    )


def build_segmentor(path: str, size: Sequence[int] | None, batch: int, device: torch.device) -> Network:
    """Builds the whole network of a config without pretrained weights, and random images for it.

    Args:
        path: of the config.
        size: height and width of the images; those it trains on by default.
        batch: their number.
        device: where all lies.

    Raises:
        InputError: if the config cannot be read or built, or does not say a size where none is given.
    """
    config = load_config(path)
    replace_sync_bn(config.model)
    init_default_scope('mmseg')
    try:
        size = input_size(config) if size is None else size
        model = MODELS.build(config.model.copy()).to(device)
        optimiser = OPTIMIZERS.build(dict(params=model.parameters(), **config.optim_wrapper.optimizer))
    except Exception as error:  # a config can name anything
        raise InputError(f'config {path!r} cannot be built: {type(error).__name__}: {error}') from error
    heads = model.decode_head if isinstance(model.decode_head, nn.ModuleList) else [model.decode_head]
    images = torch.randn(batch, _image_channels(config), *size, device=device)
    samples = _samples(batch, size, heads[-1].num_classes, device)
    name = '/'.join(Path(path).with_suffix('').parts[-2:])
    losses = partial(model.loss, data_samples=samples)
    return Network(name, tuple(size), batch, device, model, images, model, losses, optimiser)


def _image_channels(config: Config) -> int:
    return config.model.backbone.get('in_channels', 3)


def _samples(batch: int, size: Sequence[int], classes: int, device: torch.device) -> list[SegDataSample]:
    samples = []
    for _ in range(batch):
        sample = SegDataSample(metainfo=dict(img_shape=tuple(size), ori_shape=tuple(size), pad_shape=tuple(size)))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, classes, (1, *size), device=device))
        samples.append(sample)
    return samples
