"""HuCaoFighting/Swin-Unet: the network, or its encoder or its decoder alone.

Of a network the encoder's tensors get names under ``backbone.`` and the decoder's under ``decode_head.``. Index tables
and masks, which depend on the size of the image, are dropped.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group
from mmattn.checkpoints.sources.swin import MOST_STAGES, block_rules, encoder_rules, swin_groups


@dataclass(frozen=True)
class _Classifier(Rule):
    """A weight, with the bias of zero that the published classifier has not."""

    def apply(self, key: str, value: Tensor) -> dict[str, Tensor] | None:
        renamed = super().apply(key, value)
        if not renamed:
            return renamed
        (name,) = renamed
        return {**renamed, f'{name.removesuffix("weight")}bias': torch.zeros_like(value[:, 0, 0, 0])}


_EXPANDING = r'(expand\.weight|norm\.(?:weight|bias))'
_HEAD = 'decode_head.'


def _decoder_rules() -> tuple[Rule, ...]:
    """``layers_up.0`` enlarges alone; each further one has the blocks of a level and enlarges for the next."""
    rules = [Rule(rf'layers_up\.0\.{_EXPANDING}', rf'{_HEAD}decoder.0.expand.\1')]
    for i in range(1, MOST_STAGES):
        level = f'{_HEAD}decoder.{i - 1}'
        rules += block_rules(rf'layers_up\.{i}', level)
        rules.append(Rule(rf'concat_back_dim\.{i}\.(weight|bias)', rf'{level}.join.\1'))
        rules.append(Rule(rf'layers_up\.{i}\.upsample\.{_EXPANDING}', rf'{_HEAD}decoder.{i}.expand.\1'))
    return (
        *rules,
        Rule(r'norm_up\.(weight|bias)', rf'{_HEAD}norm.\1'),
        Rule(rf'up\.{_EXPANDING}', rf'{_HEAD}final_expand.\1'),
        _Classifier(r'output\.weight', f'{_HEAD}conv_seg.weight'),
    )


_PREFIX = r'(?:backbone\.|decode_head\.)?'
_LEVEL = ('expand.expand.weight', 'expand.norm.weight', 'expand.norm.bias', 'join.weight', 'join.bias')
_FINAL = ('expand.weight', 'norm.weight', 'norm.bias')

SWIN_UNET = Source(
    prefixes=('swin_unet.',),
    rules=(*encoder_rules('backbone.'), *_decoder_rules()),
    parts=('backbone', 'decode_head'),
    groups=(
        *swin_groups(_PREFIX),
        Group(_LEVEL, needs=('blocks.0.norm1.weight',), prefix=rf'{_PREFIX}decoder\.\d+\.'),
        Group(_FINAL, prefix=rf'{_PREFIX}final_expand\.'),
    ),
)
