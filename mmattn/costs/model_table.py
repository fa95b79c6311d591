"""The table of published networks in the documentation: what they should cost, what they do, and what ours cost.

Published figures are those in Table 1 of https://github.com/julian-klitzing/u-mixformer, which quotes FeedFormer's;
``plotted`` ones were read off its scatter plot. Its parameters include unused ones and are for 150 classes.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmattn.costs.complexity import count_multiply_adds, count_operators, count_parameters, input_size
from mmattn.costs.marked_text import read_part
from mmattn.costs.published_heads import (
    BATCH_NORM,
    LAYER_NORM,
    HeadShape,
    published_multiply_adds,
    published_unused_parameters,
)

NAME = 'model table'
STRIDES = (4, 8, 16, 32)
_HEADER = (
    'config',
    'M parameters, published',
    'recounted',
    'ours',
    'G multiply-adds, published',
    'recounted',
    'ours',
    'mIoU, published',
)


@dataclass(frozen=True)
class Published:
    """What a paper says of a network.

    Args:
        parameters: in millions.
        multiply_adds: in thousands of millions.
        miou: in percent, one scale.
        plotted: the numbers were read off a plot.
    """

    parameters: float | None = None
    multiply_adds: float | None = None
    miou: float | None = None
    plotted: bool = False


PUBLISHED = {
    'ade20k/umixformer_mit-b0_160k': Published(6.1, 6.1, 41.2),
    'ade20k/umixformer_lvt_160k': Published(6.5, 9.1, 43.7),
    'ade20k/umixformer_mscan-t_160k': Published(6.7, 7.6, 44.4),
    'ade20k/umixformer_mit-b1_160k': Published(24.0, 17.8, 45.2),
    'ade20k/umixformer_mit-b2_160k': Published(35.8, 40.0, 48.2),
    'ade20k/umixformer_mscan-s_160k': Published(24.3, 20.8, 48.4),
    'ade20k/umixformer_mit-b3_160k': Published(None, 56.8, 49.8, plotted=True),
    'ade20k/umixformer_mit-b4_160k': Published(None, 74.3, 51.2, plotted=True),
    'ade20k/umixformer_mit-b5_160k': Published(),
    'ade20k/umixformer_mit-b5-640_160k': Published(None, 152.5, 52.0, plotted=True),
    'ade20k/umixformer_mscan-b_160k': Published(),
    'cityscapes/umixformer_mit-b0_160k': Published(None, 101.7, 79.0),
    'cityscapes/umixformer_lvt_160k': Published(None, 122.1, 79.9),
    'cityscapes/umixformer_mscan-t_160k': Published(None, 90.0, 81.0),
    'cityscapes/umixformer_mit-b1_160k': Published(None, 246.8, 79.9),
    'cityscapes/umixformer_mit-b2_160k': Published(None, 515.0, 81.7),
    'cityscapes/umixformer_mscan-s_160k': Published(None, 154.0, 81.8),
    'cityscapes/umixformer_mit-b3_160k': Published(),
    'cityscapes/umixformer_mit-b4_160k': Published(),
    'cityscapes/umixformer_mit-b5_160k': Published(),
    'cityscapes/umixformer_mscan-b_160k': Published(),
    'ade20k/feedformer_mit-b0_160k': Published(4.5, 7.8, 39.2),
    'ade20k/feedformer_lvt_160k': Published(4.6, 10.0, 41.0),
    'ade20k/feedformer_mit-b2_160k': Published(29.1, 42.7, 48.0),
    'cityscapes/feedformer_mit-b0_160k': Published(None, 107.4, 77.9),
    'cityscapes/feedformer_lvt_160k': Published(None, 124.6, 78.6),
    'cityscapes/feedformer_mit-b2_160k': Published(None, 522.7, 81.5),
}

# Parameters and multiply-adds of published code with 9 classes, one image of 224 x 224: TransUNet (Beckschen/TransUNet)
# and Swin-Unet (HuCaoFighting/Swin-Unet), convolutions and matrix products. Third parties print 105.28 M and 24.7 G for
# the first: a count without its standardised convolutions and the products of attention.
RECOUNTED = {
    'salt_224/transunet_r50-vit-b16': (105_277_081, 29_230_000_000),
    'salt_224/transunet_r50-vit-l16': (324_024_729, 73_230_000_000),
    'salt_224/transunet_vit-b16': (91_674_201, 22_970_000_000),
    'salt_224/swin_unet_tiny': (27_168_900, 6_110_000_000),
}


@dataclass(frozen=True)
class Row:
    """One network.

    Args:
        name: its config, as ``ade20k/umixformer_mit-b0_160k``.
        published: what the paper says.
        recounted_parameters: with those of the published head that reach no output; None for other heads.
        parameters: of ours.
        recounted: multiply-adds of the published network as mmengine counts them; None for other heads.
        multiply_adds: of ours, convolutions and matrix products.
    """

    name: str
    published: Published
    recounted_parameters: int | None
    parameters: int
    recounted: int | None
    multiply_adds: int

    def cells(self) -> tuple[str, ...]:
        """Returns the table's columns."""
        said, about = self.published, '≈ ' if self.published.plotted else ''
        return (
            f'`{self.name}`',
            _cell(said.parameters, about),
            *(_cell(value and f'{value / 1e6:.2f}') for value in (self.recounted_parameters, self.parameters)),
            _cell(said.multiply_adds, about),
            *(_cell(value and f'{value / 1e9:.2f}') for value in (self.recounted, self.multiply_adds)),
            _cell(said.miou, about),
        )


def _cell(value: float | str | None, about: str = '') -> str:
    return '-' if value is None else f'{about}{value}'


def count_encoder(module: nn.Module, image: torch.Tensor) -> tuple[int, int]:
    """Counts ``module(image)``.

    Returns:
        Its multiply-adds, and what mmengine's analysis counts for layer and batch normalisation besides.
    """
    aten = torch.ops.aten

    def weigh(weight: int) -> Callable[..., int]:
        return lambda shape, *_, **__: 2 * weight * math.prod(shape)

    batch_norms = (aten.native_batch_norm, aten.cudnn_batch_norm, aten._native_batch_norm_legit_no_training)
    weights = {aten.native_layer_norm: weigh(LAYER_NORM), **{norm: weigh(BATCH_NORM) for norm in batch_norms}}
    counted = count_operators(module, image, others=weights)
    norms = sum(count for operator, count in counted.items() if operator in weights)
    return sum(counted.values()) - norms, norms


def image_size(config: Config) -> tuple[int, int]:
    """Returns height and width of the image that counts: whole ones where they are tested in windows, else the crop."""
    if config.model.get('test_cfg', {}).get('mode') == 'slide':
        width, height = next(step.scale for step in config.test_pipeline if 'scale' in step)
        return height, width
    return input_size(config)


def make_row(path: Path) -> Row:
    """Counts the network of a config, without its auxiliary heads.

    Args:
        path: of the config, in a folder called after its data set.
    """
    config = Config.fromfile(path)
    init_default_scope(config.get('default_scope', 'mmseg'))
    with warnings.catch_warnings():  # on what MMSegmentation does not need here
        warnings.simplefilter('ignore')
        model = revert_sync_batchnorm(MODELS.build(deepcopy(config.model))).eval()
    model.auxiliary_head = None
    name, parameters = f'{path.parent.name}/{path.stem}', count_parameters(model)
    published = PUBLISHED.get(name, Published())
    size, head = image_size(config), config.model.decode_head
    image = torch.zeros(1, config.model.backbone.get('in_channels', 3), *size)
    if head.type not in ('UMixFormerHead', 'FeedFormerHead'):
        counted_parameters, counted = RECOUNTED.get(name, (None, None))
        return Row(name, published, counted_parameters, parameters, counted, count_multiply_adds(model, image))
    sizes = [[-(-side // stride) for side in size] for stride in STRIDES]
    positions, reduced = [math.prod(size) for size in sizes], head.get('query_reduction', 1) == 2
    shape = HeadShape(head.in_channels, positions, model.decode_head.channels, head.num_classes, reduced)
    encoder, norms = count_encoder(model.backbone, image)
    levels = [torch.zeros(1, channels, *size) for channels, size in zip(head.in_channels, sizes)]
    return Row(
        name,
        published,
        parameters + published_unused_parameters(head.type, shape),
        parameters,
        encoder + norms + published_multiply_adds(head.type, shape),
        encoder + count_multiply_adds(model.decode_head, levels),
    )


def make_table(rows: Sequence[Row]) -> str:
    """Returns the Markdown table."""
    lines = [_HEADER, ['---'] + ['---:'] * (len(_HEADER) - 1), *(row.cells() for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def differences(text: str, table: str) -> list[str]:
    """Returns a document's lines that are not in a fresh table, and that table's that are not in the document.

    Raises:
        ValueError: if the document does not have both markers, in order.
    """
    old, new = read_part(text, NAME).splitlines(), table.splitlines()
    gone, come = [line for line in old if line not in new], [line for line in new if line not in old]
    return [*(f'no longer {line}' for line in gone), *(f'now {line}' for line in come)]
