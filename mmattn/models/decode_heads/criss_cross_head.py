"""The decode head of CCNet, https://arxiv.org/abs/1811.11721."""

from mmseg.registry import MODELS

from mmattn.models.decode_heads.attention_head import AttentionHead


@MODELS.register_module()
class CrissCrossHead(AttentionHead):
    """Recurrent criss-cross attention between two convolutions.

    With ``act_cfg=dict(type='LeakyReLU', negative_slope=0.01)`` and ``attention_channels=in_channels // 4`` it is the
    authors' ``RCCAModule``; with the defaults it is MMSegmentation's ``CCHead``, but needs no compiled operators.

    Args:
        in_channels: channels of the selected feature map.
        channels: channels before the classifier.
        recurrence: how often the attention is applied, with shared weights; the paper's best compromise is 2.
        attention_channels: channels inside, where attention works; ``channels`` by default.
        concat_input: join the input to the result before the last convolution.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        recurrence: int = 2,
        attention_channels: int | None = None,
        concat_input: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            channels,
            attention=dict(type='CrissCrossAttention', recurrence=recurrence),
            attention_channels=attention_channels,
            concat_input=concat_input,
            **kwargs,
        )
