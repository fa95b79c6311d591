"""A non-local block in a decode head, https://arxiv.org/abs/1711.07971."""

from mmcv.cnn import build_norm_layer
from mmseg.registry import MODELS
from torch import nn

from mmattn.models.decode_heads.attention_head import AttentionHead


@MODELS.register_module()
class NonLocalHead(AttentionHead):
    """Convolution, non-local block, convolution: MMSegmentation's ``NLHead``, without the N x N matrix.

    The block's normalisation is ``norm_cfg``, as everywhere in the head; without one its last convolution has a bias.

    Args:
        in_channels: channels of the selected feature map.
        channels: channels before the classifier.
        mode: ``embedded_gaussian``, ``gaussian``, ``dot_product`` or ``concatenation``.
        reduction: the block's projections have that many times fewer channels.
        use_scale: divide the logits of ``embedded_gaussian`` by the root of the projections' width.
        sub_sample: halve keys and values.
        attention_channels: channels inside, where attention works; ``channels`` by default.
        concat_input: join the input to the result before the last convolution.
        norm_cfg: config of the normalisation layers.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        mode: str = 'embedded_gaussian',
        reduction: int = 2,
        use_scale: bool = True,
        sub_sample: bool = False,
        attention_channels: int | None = None,
        concat_input: bool = True,
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        attention = dict(
            type='NonLocal',
            mode=mode,
            reduction=reduction,
            use_scale=use_scale,
            sub_sample=sub_sample,
            norm=norm_cfg is not None,
        )
        super().__init__(
            in_channels,
            channels,
            attention=attention,
            attention_channels=attention_channels,
            concat_input=concat_input,
            norm_cfg=norm_cfg,
            **kwargs,
        )
        if norm_cfg is not None:
            self.attention.norm = build_norm_layer(norm_cfg, self.attention.in_channels)[1]
            nn.init.zeros_(self.attention.norm.weight)
            nn.init.zeros_(self.attention.norm.bias)
