"""InversionNet, https://arxiv.org/abs/1811.07875, as OpenFWI (https://arxiv.org/abs/2111.02926) sizes it.

An encoder that shortens time, then both axes, to one vector, and a decoder that unfolds it into the model.
"""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmattn.common.checks import check_positive_int, check_positive_ints


def _layer(conv: nn.Module) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.LeakyReLU(0.2, inplace=True))


def _conv(before: int, after: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return _layer(nn.Conv2d(before, after, kernel, stride, tuple(size // 2 for size in kernel)))


@MODELS.register_module()
class InversionNet(BaseModule):
    """InversionNet up to its last convolution, which is ``VelocityHead(in_channels=32, kernel_size=3)``.

    With the defaults it has the published 24.41 million parameters. The published network ends in a batch normalisation
    and a tanh; the head is linear.

    Args:
        num_shots: gathers a sample.
        num_samples: of a trace.
        num_receivers: of a gather.
        grid: rows and columns (H, W) of the model.
        init_cfg: MMEngine's.

    Shape:
        (B, num_shots, num_samples, num_receivers) to one map (B, 32, H, W).
    """

    def __init__(
        self,
        num_shots: int = 5,
        *,
        num_samples: int = 1000,
        num_receivers: int = 70,
        grid: Sequence[int] = (70, 70),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.expected = tuple(
            check_positive_int('InversionNet', option, value)
            for option, value in (
                ('num_shots', num_shots),
                ('num_samples', num_samples),
                ('num_receivers', num_receivers),
            )
        )
        self.grid = check_positive_ints('InversionNet', 'grid', grid, 2)
        self.num_shots = num_shots
        encoder = [_conv(num_shots, 32, (7, 1), (2, 1))]
        for before, after in ((32, 64), (64, 64), (64, 128)):
            encoder += [_conv(before, after, (3, 1), (2, 1)), _conv(after, after, (3, 1))]
        for before, after in ((128, 128), (128, 256), (256, 256)):
            encoder += [_conv(before, after, (3, 3), (2, 2)), _conv(after, after, (3, 3))]
        rows, columns = num_samples, num_receivers
        for _ in range(7):
            rows = -(-rows // 2)
        for _ in range(3):
            columns = -(-columns // 2)
        encoder.append(_layer(nn.Conv2d(256, 512, (rows, columns))))
        self.encoder = nn.Sequential(*encoder)
        seed = tuple(-(-size // 16) for size in self.grid)
        decoder = [_layer(nn.ConvTranspose2d(512, 512, seed)), _conv(512, 512, (3, 3))]
        for before, after in ((512, 256), (256, 128), (128, 64), (64, 32)):
            decoder += [_layer(nn.ConvTranspose2d(before, after, 4, 2, 1)), _conv(after, after, (3, 3))]
        self.decoder = nn.Sequential(*decoder)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Returns the map, cut to the grid about its middle."""
        if x.shape[1:] != torch.Size(self.expected):
            raise ValueError(
                f'InversionNet: expected gathers (B, shots, samples, receivers) of {self.expected}, got '
                f'{tuple(x.shape[1:])}'
            )
        x = self.decoder(self.encoder(x))
        top, left = ((size - wanted) // 2 for size, wanted in zip(x.shape[2:], self.grid))
        return (x[:, :, top : top + self.grid[0], left : left + self.grid[1]],)
