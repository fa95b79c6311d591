"""Attention gate: a coarse feature decides where a skip connection passes.

Attention U-Net: Learning Where to Look for the Pancreas, https://arxiv.org/abs/1804.03999 (section 2.2, figure 2).

Two published layers in one: the authors' gate on a coarser grid (``form='grid'``), and the gate of the U-Net that most
people mean by the name (``form='additive'``: batch-normalised projections, no grid, no output projection). Unlike
them, gate and features may differ in size in both forms, and features may be smaller than the grid's step.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.inputs import check_same_batch
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_choice, check_flag, check_positive_int

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_MODES = ('concatenation', 'concatenation_debug', 'concatenation_residual')


def gate_coefficients(
    features: Tensor, gating: Tensor, score: Callable[[Tensor], Tensor], *, mode: str, align_corners: bool = False
) -> Tensor:
    """Scores each position from the sum of features and gating signal (equations 1 and 2 of the paper).

    Args:
        features: (B, I, *sizes), projected.
        gating: (B, I, *other sizes), projected; resized to ``sizes``.
        score: from (B, I, *sizes) to (B, 1, *sizes).
        mode: 'concatenation' applies ReLU to the sum and the sigmoid to the score; 'concatenation_debug' softplus
            in place of ReLU; 'concatenation_residual' softmax over all positions in place of the sigmoid.
        align_corners: of the resizing.

    Returns:
        (B, 1, *sizes), in float32 or wider.
    """
    joined = features + resize(gating, features.shape[2:], align_corners)
    joined = F.softplus(joined) if mode == 'concatenation_debug' else F.relu(joined)
    scores = score(joined)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if mode == 'concatenation_residual':
        return scores.flatten(2).softmax(-1).view_as(scores)
    return scores.sigmoid()


def resize(x: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Resizes (B, C, *sizes) to (B, C, *size), linear in each of the two or three axes."""
    mode = {4: 'bilinear', 5: 'trilinear'}[x.dim()]
    return F.interpolate(x, size=tuple(size), mode=mode, align_corners=align_corners)


@mechanism(short='gate', inputs=2)
class AttentionGate(nn.Module):
    """Attention gate on a skip connection.

    Args:
        in_channels: channels of the skip connection's features.
        gate_channels: channels of the gating signal.
        inter_channels: channels in which both are compared; ``in_channels // 2``, at least one, by default.
        form: 'grid' (the authors') or 'additive' (see the module).
        sub_sample: step of the grid on which the coefficients are computed, one number or one an axis; 2 in the
            grid form and 1 in the additive form by default.
        mode: of ``gate_coefficients``.
        dims: 2 for maps, 3 for volumes.
        align_corners: of the resizings; weights from PyTorch before 0.4 were trained with True.

    Shape:
        (B, in_channels, H, W) and (B, gate_channels, H', W') to (B, in_channels, H, W), any sizes; with a depth
        before the height for ``dims=3``. Exported with dynamic sizes, the features need two grid points an axis.
    """

    def __init__(
        self,
        in_channels: int,
        gate_channels: int,
        *,
        inter_channels: int | None = None,
        form: str = 'grid',
        sub_sample: int | Sequence[int] | None = None,
        mode: str = 'concatenation',
        dims: int = 2,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        self.gate_channels = check_positive_int(name, 'gate_channels', gate_channels)
        inter_channels = max(in_channels // 2, 1) if inter_channels is None else inter_channels
        check_positive_int(name, 'inter_channels', inter_channels)
        self.form = check_choice(name, 'form', form, ('grid', 'additive'))
        self.mode = check_choice(name, 'mode', mode, _MODES)
        self.dims = check_choice(name, 'dims', dims, (2, 3))
        self.align_corners = check_flag(name, 'align_corners', align_corners)
        grid, conv, norm = form == 'grid', _CONV[dims], _NORM[dims]
        step = self.sub_sample = _steps(name, (2 if grid else 1) if sub_sample is None else sub_sample, dims)
        self.theta = conv(in_channels, inter_channels, step, stride=step, bias=not grid)
        self.phi = conv(gate_channels, inter_channels, 1)
        self.psi = conv(inter_channels, 1, 1)
        if grid:
            self.theta_norm, self.phi_norm, self.psi_norm = nn.Identity(), nn.Identity(), nn.Identity()
            self.out = nn.Sequential(conv(in_channels, in_channels, 1), norm(in_channels))
            self.reset_parameters()
        else:
            self.theta_norm, self.phi_norm, self.psi_norm = norm(inter_channels), norm(inter_channels), norm(1)
            self.out = nn.Identity()

    def reset_parameters(self) -> None:
        """Draws the weights as the authors do: convolutions by their fan-in, normalisations around 1."""
        for layer in self.modules():
            if isinstance(layer, tuple(_CONV.values())):
                nn.init.kaiming_normal_(layer.weight)
            elif isinstance(layer, tuple(_NORM.values())):
                nn.init.normal_(layer.weight, 1.0, 0.02)
            else:
                continue
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def coefficients(self, x: Tensor, gate: Tensor) -> Tensor:
        """Returns what each position of ``x`` is multiplied by, (B, 1, *sizes of x), in float32 or wider."""
        self._check('', x, self.in_channels)
        self._check('gate ', gate, self.gate_channels)
        check_same_batch(type(self).__name__, x, 'gate', gate)
        features = self.theta_norm(self.theta(self._at_least_a_step(x)))
        gating = self.phi_norm(self.phi(gate))
        coefficients = gate_coefficients(
            features, gating, lambda f: self.psi_norm(self.psi(f)), mode=self.mode, align_corners=self.align_corners
        )
        if max(self.sub_sample) == 1:
            return coefficients
        return resize(coefficients, x.shape[2:], self.align_corners)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        """Returns the gated features, projected in the grid form."""
        return self.out(self.coefficients(x, gate).to(x.dtype) * x)

    def _at_least_a_step(self, x: Tensor) -> Tensor:
        """Pads axes shorter than the grid's step with zeros, so that there is one grid point."""
        lacking = [max(step - size, 0) for step, size in zip(self.sub_sample, x.shape[2:])]
        if not any(lacking):
            return x
        return F.pad(x, [pad for lack in reversed(lacking) for pad in (0, lack)])

    def _check(self, what: str, x: Tensor, channels: int) -> None:
        if x.dim() != 2 + self.dims or x.shape[1] != channels:
            axes = 'H, W' if self.dims == 2 else 'D, H, W'
            raise ValueError(
                f'{type(self).__name__}: expected a (B, {channels}, {axes}) {what}input, got shape {tuple(x.shape)}'
            )

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'form={self.form!r}, mode={self.mode!r}, sub_sample={self.sub_sample}'


def _steps(owner: str, sub_sample: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """Returns one step an axis."""
    steps = tuple(sub_sample) if isinstance(sub_sample, Sequence) else (sub_sample,) * dims
    if len(steps) != dims:
        raise ValueError(f'{owner}: sub_sample must be one integer or {dims}, got {sub_sample!r}')
    return tuple(check_positive_int(owner, 'sub_sample', step) for step in steps)
