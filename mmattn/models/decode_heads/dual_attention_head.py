"""The decode head of DANet, https://arxiv.org/abs/1809.02983."""

from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, SampleList, add_prefix
from torch import Tensor, nn

from mmattn.attention import ChannelAttention, PositionAttention
from mmattn.models.decode_heads.decode_head import DecodeHead


@MODELS.register_module()
class DualAttentionHead(DecodeHead):
    """Position and channel attention in two branches, each between convolutions, and their sum.

    The sum and each branch have a classifier and a loss (``pam_cam.``, ``pam.``, ``cam.``), as in the authors' head
    and in MMSegmentation's ``DAHead``. At test only the sum is classified. With ``channels=in_channels // 4`` it is
    the authors' head. Unlike ``DAHead``, branches have ``out_channels`` classes, so one (sigmoid) channel works too.

    Args:
        in_channels: channels of the selected feature map.
        channels: channels of the branches.
        pam_channels: channels of the queries and keys of the position attention; ``channels // 8``, at least one, by
            default.
        **kwargs: MMSegmentation's ``BaseDecodeHead`` options (``num_classes``, ``norm_cfg``, ``loss_decode``, …).
    """

    def __init__(self, in_channels: int, channels: int, *, pam_channels: int | None = None, **kwargs) -> None:
        super().__init__(in_channels, channels, **kwargs)
        self.check_one_map()
        self.pam_in_conv = self._conv(self.in_channels)
        self.pam = PositionAttention(channels, query_channels=pam_channels)
        self.pam_out_conv = self._conv(channels)
        self.pam_conv_seg = nn.Conv2d(channels, self.out_channels, 1)
        self.cam_in_conv = self._conv(self.in_channels)
        self.cam = ChannelAttention(channels)
        self.cam_out_conv = self._conv(channels)
        self.cam_conv_seg = nn.Conv2d(channels, self.out_channels, 1)

    def _conv(self, in_channels: int) -> ConvModule:
        return ConvModule(
            in_channels,
            self.channels,
            3,
            padding=1,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )

    def _branches(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
        x = self._transform_inputs(inputs)
        position = self.pam_out_conv(self.pam(self.pam_in_conv(x)))
        channel = self.cam_out_conv(self.cam(self.cam_in_conv(x)))
        return position, channel

    def _classify(self, feature: Tensor, classifier: nn.Module) -> Tensor:
        return classifier(feature if self.dropout is None else self.dropout(feature))

    def forward_feature(self, inputs: list[Tensor]) -> Tensor:
        """Returns the (B, channels, H, W) sum of the branches, which the classifier of the test sees."""
        position, channel = self._branches(inputs)
        return position + channel

    def forward(self, inputs: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the (B, out_channels, H, W) logits of the sum, of the position and of the channel branch."""
        position, channel = self._branches(inputs)
        return (
            self.cls_seg(position + channel),
            self._classify(position, self.pam_conv_seg),
            self._classify(channel, self.cam_conv_seg),
        )

    def predict(self, inputs: list[Tensor], batch_img_metas: list[dict], test_cfg: ConfigType) -> Tensor:
        """Returns the logits of the sum at the size of the input images."""
        return self.predict_by_feat(self.cls_seg(self.forward_feature(inputs)), batch_img_metas)

    def loss_by_feat(self, seg_logits: tuple[Tensor, Tensor, Tensor], batch_data_samples: SampleList) -> dict:
        """Returns the losses and accuracies of the three outputs."""
        losses = {}
        for name, logits in zip(('pam_cam', 'pam', 'cam'), seg_logits, strict=True):
            losses.update(add_prefix(super().loss_by_feat(logits, batch_data_samples), name))
        return losses
