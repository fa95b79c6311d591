"""A U-Net decoder with attention on its skip connections and in its blocks, for any pyramid encoder.

Its parts: U-Net (https://arxiv.org/abs/1505.04597), attention gates (https://arxiv.org/abs/1804.03999), scSE in the
decoder (https://arxiv.org/abs/1808.08127), hypercolumns (https://arxiv.org/abs/1411.5752), deep supervision
(https://arxiv.org/abs/1409.5185), and a classifier of whole sections.
"""

from collections.abc import Sequence

from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, SampleList
from torch import Tensor, nn

from mmattn.common.checks import check_flag, check_not_negative, check_positive_int
from mmattn.models.blocks.empty_sections import EmptyClassifier, bound_by_section, empty_losses
from mmattn.models.blocks.unet_decoder import HyperColumn, UNetBlock, one_each
from mmattn.models.decode_heads.cut_logits import CutLogits
from mmattn.models.decode_heads.decode_head import DecodeHead

LEVEL_WEIGHT = 0.4  # of the coarser levels' losses: what MMSegmentation's recipes give to auxiliary heads
_GATE = dict(type='AttentionGate')


@MODELS.register_module()
class AttentionUNetHead(CutLogits, DecodeHead):
    """Decodes a pyramid from its deepest map up: enlarge, join the skip connection, convolve twice, attend.

    There is a block for each entry of ``decoder_channels``. The first ones take the encoder's other maps as skip
    connections; the ones after those enlarge twofold without any. So with an encoder of strides 4, 8, 16 and 32, three
    blocks give logits at stride 4 and five at that of the image: section 101 -> padded 128 -> logits 128, and the loss
    at full resolution. Where the encoder rounded sizes up, logits of the image's resolution are cut, not squeezed.

    Args:
        in_channels: channels of the encoder's maps, the shallowest first; at least two.
        decoder_channels: channels of each block, the deepest first; at least one a skip connection. The last is what
            the classifier sees, MMSegmentation's ``channels``.
        in_index: which of the encoder's outputs the maps are; the first ones by default, after the image if there is
            one.
        image_channels: channels of the image itself, the first output of the backbone ``WithImage``; it is the skip
            connection of the last block, which must be at its resolution. 0 for a head without the image.
        skip_attention: config of the layer on the skip connections: ``AttentionGate``, which listens to the map below,
            or any attention layer of one input; None for none. Or a sequence, one entry a skip connection, the
            deepest first. Channels are filled in here.
        decoder_attention: config of the layer that ends the blocks, None for none; or a sequence, one entry a block.
        deep_supervision: True adds a classifier and a loss at each coarser block, in training only, the loss at full
            resolution with a weight of 0.4; a number is that weight.
        hypercolumn: whether the classifier sees all blocks, projected and enlarged, rather than the last.
        empty_loss_weight: above 0 adds a classifier of the section, from the deepest map: does it hold class 1? It is
            the weight of its cross entropy, ``loss_empty``.
        suppress_empty: whether at test no pixel may be salt with a higher probability than the section holds salt:
            below the threshold, nothing is. Needs the classifier.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …); the
            gates have ``norm_cfg`` too.

    Raises:
        TypeError: if ``channels`` is given, a layer has no config with a type, or a value is of a wrong type.
        ValueError: for a wrong value, which the message names.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        decoder_channels: Sequence[int] = (256, 128, 64, 32, 16),
        in_index: Sequence[int] | None = None,
        image_channels: int = 0,
        skip_attention: dict | Sequence[dict | None] | None = _GATE,
        decoder_attention: dict | Sequence[dict | None] | None = None,
        deep_supervision: bool | float = False,
        hypercolumn: bool = False,
        empty_loss_weight: float = 0.0,
        suppress_empty: bool = False,
        **kwargs,
    ) -> None:
        in_index = self._check_levels(in_channels, in_index, decoder_channels, image_channels)
        if 'channels' in kwargs:
            raise TypeError(
                f'{type(self).__name__}: channels follows from decoder_channels ({decoder_channels[-1]}), leave it out'
            )
        super().__init__(
            list(in_channels), decoder_channels[-1], in_index=in_index, input_transform='multiple_select', **kwargs
        )
        check_flag(type(self).__name__, 'hypercolumn', hypercolumn)
        self._check_options(deep_supervision, len(decoder_channels), empty_loss_weight, suppress_empty)
        self.level_weight = LEVEL_WEIGHT if deep_supervision is True else float(deep_supervision)
        self.empty_loss_weight, self.suppress_empty = empty_loss_weight, suppress_empty
        self.image_channels = image_channels
        self.blocks = self._build_blocks(decoder_channels, skip_attention, decoder_attention)
        self.hypercolumn = None
        if hypercolumn:
            self.hypercolumn = HyperColumn(
                decoder_channels,
                self.channels,
                norm_cfg=self.norm_cfg,
                act_cfg=self.act_cfg,
                align_corners=self.align_corners,
            )
        self.level_classifiers = None
        if self.level_weight > 0:
            self.level_classifiers = nn.ModuleList(
                nn.Conv2d(channels, self.out_channels, 1) for channels in decoder_channels[:-1]
            )
        self.empty_classifier = EmptyClassifier(in_channels[-1]) if empty_loss_weight > 0 else None
        self.rounding = 2 ** (len(decoder_channels) - len(in_channels) + 1)

    def _check_levels(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int] | None,
        decoder_channels: Sequence[int],
        image_channels: int,
    ) -> list[int]:
        name = type(self).__name__
        check_positive_int(name, 'image_channels', image_channels, minimum=0)
        of_image = int(image_channels > 0)
        for option, values in dict(in_channels=in_channels, decoder_channels=decoder_channels).items():
            if not isinstance(values, Sequence):
                raise ValueError(f'{name}: {option} must be a sequence of numbers, got {values!r}')
            for value in values:
                check_positive_int(name, option, value)
        if len(in_channels) < 2:
            raise ValueError(f'{name}: in_channels must have at least 2 numbers, one a map, got {in_channels!r}')
        skips = len(in_channels) - 1 + of_image
        if len(decoder_channels) < skips:
            raise ValueError(
                f'{name}: decoder_channels must have at least {skips} numbers, one a skip connection, '
                f'got {decoder_channels!r}'
            )
        in_index = range(of_image, len(in_channels) + of_image) if in_index is None else in_index
        if not isinstance(in_index, Sequence) or len(in_index) != len(in_channels):
            raise ValueError(f'{name}: in_index must have {len(in_channels)} numbers, one a map, got {in_index!r}')
        return list(in_index)

    def _check_options(
        self, deep_supervision: bool | float, blocks: int, empty_loss_weight: float, suppress_empty: bool
    ) -> None:
        name = type(self).__name__
        check_not_negative(
            name, 'deep_supervision', float(deep_supervision) if deep_supervision is True else deep_supervision or 0
        )
        if deep_supervision and blocks < 2:
            raise ValueError(f'{name}: deep_supervision needs at least 2 decoder_channels, got {blocks}')
        check_not_negative(name, 'empty_loss_weight', empty_loss_weight)
        if empty_loss_weight > 0 and self.num_classes != 2:
            raise ValueError(f'{name}: empty_loss_weight needs num_classes=2, got {self.num_classes}')
        if check_flag(name, 'suppress_empty', suppress_empty) and not empty_loss_weight:
            raise ValueError(f'{name}: suppress_empty=True needs empty_loss_weight above 0, got {empty_loss_weight!r}')

    def _build_blocks(
        self,
        decoder_channels: Sequence[int],
        skip_attention: dict | Sequence[dict | None] | None,
        decoder_attention: dict | Sequence[dict | None] | None,
    ) -> nn.ModuleList:
        deepest, *skips = self.in_channels[::-1]
        skips += [0] * (len(decoder_channels) - len(skips))
        images = [False] * (len(skips) - 1) + [self.image_channels > 0]
        skips[-1] += self.image_channels
        on_skips = one_each('skip_attention', skip_attention, len(self.in_channels) - 1)
        on_skips += [None] * (len(decoder_channels) - len(on_skips))
        in_blocks = one_each('decoder_attention', decoder_attention, len(decoder_channels))
        return nn.ModuleList(
            UNetBlock(
                before,
                after,
                skip_channels=skip,
                skip_attention=on_skip,
                image=image,
                attention=attention,
                conv_cfg=self.conv_cfg,
                norm_cfg=self.norm_cfg,
                act_cfg=self.act_cfg,
                align_corners=self.align_corners,
            )
            for before, after, skip, on_skip, image, attention in zip(
                [deepest, *decoder_channels], decoder_channels, skips, on_skips, images, in_blocks
            )
        )

    def decode(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Returns the map of each block, the deepest first; ``inputs`` are what the backbone gives."""
        x, *skips = self._transform_inputs(inputs)[::-1]
        skips += [None] * (len(self.blocks) - len(skips))
        if self.image_channels:
            skips[-1] = inputs[0]
        maps = []
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x, skip)
            maps.append(x)
        return maps

    def forward_feature(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns the (B, channels, H, W) map that the classifier sees."""
        return self._feature(self.decode(inputs))

    def _feature(self, maps: Sequence[Tensor]) -> Tensor:
        return maps[-1] if self.hypercolumn is None else self.hypercolumn(maps)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Returns (B, out_channels, H, W) logits at the resolution of the last block, bounded at test if asked for."""
        logits = self.cls_seg(self.forward_feature(inputs))
        if self.suppress_empty and not self.training:
            logits = bound_by_section(logits, self.empty_classifier(inputs[self.in_index[-1]]))
        return logits

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: ConfigType) -> dict:
        """Returns the losses on the logits, on those of coarser blocks (``level_i.``) and on the empty sections."""
        maps = self.decode(inputs)
        logits = self.cls_seg(self._feature(maps))
        losses = self.loss_by_feat(logits, batch_data_samples)
        for i, classifier in enumerate(self.level_classifiers or ()):
            coarse = resize(
                classifier(maps[i]), logits.shape[2:], mode='bilinear', align_corners=self.align_corners, warning=False
            )
            for name, value in self.loss_by_feat(coarse, batch_data_samples).items():
                if 'loss' in name:
                    losses[f'level_{i}.{name}'] = self.level_weight * value
        if self.empty_classifier is not None:
            label = self._stack_batch_gt(batch_data_samples).squeeze(1)
            losses |= empty_losses(
                self.empty_classifier(inputs[self.in_index[-1]]),
                label,
                ignore_index=self.ignore_index,
                loss_weight=self.empty_loss_weight,
            )
        return losses
