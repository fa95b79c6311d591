"""What U-Net decoders share: levels and blocks that fit each other, and logits that are cut, not squeezed."""

from collections.abc import Sequence

from torch import Tensor

from mmattn.common.checks import check_positive_int
from mmattn.models.decode_heads.cut_logits import CutLogits
from mmattn.models.decode_heads.decode_head import DecodeHead


class UNetHead(CutLogits, DecodeHead):
    """Base of heads that decode a pyramid from its deepest map up, one block after another.

    The first blocks take the encoder's other maps as skip connections; those after them enlarge twofold without any.
    Where the encoder rounded sizes up, logits of the image's resolution are cut to it.

    Args:
        in_channels: channels of the encoder's maps, the shallowest first.
        decoder_channels: channels of each block, the deepest first; at least one a skip connection. The last is what
            the classifier sees, MMSegmentation's ``channels``.
        in_index: which of the encoder's outputs the maps are; the first ones by default, after the image if there is
            one.
        image_channels: of the image, where it is the first of the encoder's outputs and the last skip connection; 0
            for none.
        least_maps: how many maps there must be.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options.

    Raises:
        TypeError: if ``channels`` is given, or a value is of a wrong type.
        ValueError: for a wrong value, which the message names.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        decoder_channels: Sequence[int],
        in_index: Sequence[int] | None,
        image_channels: int = 0,
        least_maps: int = 1,
        **kwargs,
    ) -> None:
        in_index = self._check_levels(in_channels, in_index, decoder_channels, image_channels, least_maps)
        if 'channels' in kwargs:
            raise TypeError(
                f'{type(self).__name__}: channels follows from decoder_channels ({decoder_channels[-1]}), leave it out'
            )
        super().__init__(
            list(in_channels), decoder_channels[-1], in_index=in_index, input_transform='multiple_select', **kwargs
        )
        self.image_channels = image_channels
        self.rounding = 2 ** (len(decoder_channels) - len(in_channels) + 1)

    def _check_levels(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int] | None,
        decoder_channels: Sequence[int],
        image_channels: int,
        least_maps: int,
    ) -> list[int]:
        name = type(self).__name__
        check_positive_int(name, 'image_channels', image_channels, minimum=0)
        of_image = int(image_channels > 0)
        for option, values in dict(in_channels=in_channels, decoder_channels=decoder_channels).items():
            if not isinstance(values, Sequence):
                raise ValueError(f'{name}: {option} must be a sequence of numbers, got {values!r}')
            for value in values:
                check_positive_int(name, option, value)
        if len(in_channels) < least_maps:
            raise ValueError(
                f'{name}: in_channels must have at least {least_maps} numbers, one a map, got {in_channels!r}'
            )
        skips = len(in_channels) - 1 + of_image
        if len(decoder_channels) < max(skips, 1):
            raise ValueError(
                f'{name}: decoder_channels must have at least {max(skips, 1)} numbers, one a skip connection, '
                f'got {decoder_channels!r}'
            )
        in_index = range(of_image, len(in_channels) + of_image) if in_index is None else in_index
        if not isinstance(in_index, Sequence) or len(in_index) != len(in_channels):
            raise ValueError(f'{name}: in_index must have {len(in_channels)} numbers, one a map, got {in_index!r}')
        return list(in_index)

    def decode(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Returns the map of each block, the deepest first; ``inputs`` are what the backbone gives."""
        deepest, *others = self._transform_inputs(inputs)[::-1]
        x = self.start(deepest)
        skips = [*others, *[None] * (len(self.blocks) - len(others))]
        if self.image_channels:
            skips[-1] = inputs[0]
        maps = []
        for block, skip in zip(self.blocks, skips, strict=True):
            x = block(x, skip)
            maps.append(x)
        return maps

    def start(self, deepest: Tensor) -> Tensor:
        """Returns what the first block enlarges, of the deepest map: that map."""
        return deepest
