"""Non-local block: each position gathers from all positions, in four forms.

Non-local Neural Networks, https://arxiv.org/abs/1711.07971, section 3. Code: facebookresearch/video-nonlocal-net.

Unlike the published codes: no form holds the N x M matrix of pairs, forward or backward, and the pairs are computed in
float32 or wider whatever the dtype of the features. The bias of the output convolution is left out where normalisation
follows, which takes it off anyway.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmattn.attention.inputs import check_feature_map
from mmattn.attention.registry import mechanism
from mmattn.common.checks import check_choice, check_flag, check_positive, check_positive_int
from mmattn.kernels.engines import find_engine
from mmattn.kernels.products import convolve_points

MODES = ('embedded_gaussian', 'gaussian', 'dot_product', 'concatenation')


def gaussian_attention(query: Tensor, key: Tensor, value: Tensor, *, scale: float = 1.0) -> Tensor:
    """Equations 2 and 3: (B, D, N), (B, D, M), (B, C, M) to (B, C, N), sum of softmax(scale * <query, key>) * value.

    Logits and softmax are float32 or wider whatever the dtype of ``value``, which the result has.
    """
    engine = find_engine('softmax', query, key, value, scale)
    if engine is not None:
        return engine(query, key, value, scale)
    wide = torch.promote_types(value.dtype, torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        weights = (scale * query.to(wide).transpose(1, 2) @ key.to(wide)).softmax(-1)  # (B, N, M)
        return (value.to(wide) @ weights.transpose(1, 2)).to(value.dtype)


def dot_product_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Equation 4: (B, D, N), (B, D, M), (B, C, M) to (B, C, N), sum over the M keys of <query, key> * value / M.

    Without a softmax the product may start from the right, so the cost is that of a C x D matrix. The result is float32
    or wider: a cube of the features soon leaves the range of float16.
    """
    wide = torch.promote_types(value.dtype, torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        query, key, weighed = query.to(wide), key.to(wide), value.to(wide)
        return (weighed @ key.transpose(1, 2) / key.shape[2]) @ query


def concatenation_attention(query: Tensor, key: Tensor, value: Tensor, weight: Tensor) -> Tensor:
    """Equation 5: (B, D, N), (B, D, M), (B, C, M), (2 D) to (B, C, N).

    Sums relu(weight . [query, key]) * value / M over the M keys, in float32 or wider. The weight of a pair is
    relu(a + b) for one number a of the query and one b of the key, so that an engine need not hold the pairs.
    """
    wide = torch.promote_types(value.dtype, torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        of_query, of_key = weight.to(wide).view(2, 1, -1)
        a = (of_query @ query.to(wide)).squeeze(1)  # (B, N)
        b = (of_key @ key.to(wide)).squeeze(1)  # (B, M)
        weighed = value.to(wide) / key.shape[2]
        engine = find_engine('concatenation', a, b, weighed)
        if engine is not None:
            return engine(a, b, weighed)
        return weighed @ (a.unsqueeze(1) + b.unsqueeze(2)).relu()


def halve(x: Tensor) -> Tensor:
    """Largest value of each 2 x 2 block, as published; of what there is where the map is one row or column.

    An odd last row or column is left out. Exported with dynamic sizes it takes maps from 4 x 4 on.
    """
    height, width = x.shape[2:]
    return F.max_pool2d(x, (2 if height > 1 else 1, 2 if width > 1 else 1))


@mechanism(short='nonlocal', cost='N*(2*C**2 + N*C)')
class NonLocal(nn.Module):
    """Non-local block with a residual connection; it starts as the identity.

    The last layer is zero at first, so only that layer learns in the very first step.

    Args:
        in_channels: channels of the feature map.
        mode: ``embedded_gaussian`` (softmax of theta . phi), ``gaussian`` (softmax of x . x, without projections),
            ``dot_product`` (theta . phi / M) or ``concatenation`` (relu(w . [theta, phi]) / M).
        reduction: projections have ``in_channels // reduction`` channels, at least one.
        use_scale: divide the logits of ``embedded_gaussian`` by the root of the projections' width, as the published
            code does and the paper does not.
        sub_sample: halve keys and values by maximum pooling.
        pool_first: pool before the projections, as the authors do; mmcv pools after them.
        bias: of the projections.
        norm: batch normalisation after the output convolution, as published; mmcv leaves it out by default, and then
            the output convolution has a bias.
        norm_eps: of the normalisation.

    Shape:
        (B, in_channels, H, W) to the same; any H and W.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        mode: str = 'embedded_gaussian',
        reduction: int = 2,
        use_scale: bool = True,
        sub_sample: bool = False,
        pool_first: bool = False,
        bias: bool = True,
        norm: bool = True,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = check_positive_int(name, 'in_channels', in_channels)
        inner = max(in_channels // check_positive_int(name, 'reduction', reduction), 1)
        check_choice(name, 'mode', mode, MODES)
        flags = dict(use_scale=use_scale, sub_sample=sub_sample, pool_first=pool_first, bias=bias, norm=norm)
        for option, value in flags.items():
            check_flag(name, option, value)
        if not use_scale and mode != 'embedded_gaussian':
            raise ValueError(f'{name}: use_scale=False applies to mode embedded_gaussian only, got {mode!r}')
        if pool_first and not sub_sample:
            raise ValueError(f'{name}: pool_first=True needs sub_sample=True, got {sub_sample!r}')
        check_positive(name, 'norm_eps', norm_eps)
        self.mode, self.sub_sample, self.pool_first = mode, sub_sample, pool_first
        self.scale = inner**-0.5 if use_scale and mode == 'embedded_gaussian' else 1.0
        if mode != 'gaussian':
            self.theta = nn.Conv2d(in_channels, inner, 1, bias=bias)
            self.phi = nn.Conv2d(in_channels, inner, 1, bias=bias)
        if mode == 'concatenation':
            self.concat_weight = nn.Parameter(torch.zeros(2 * inner))
        self.g = nn.Conv2d(in_channels, inner, 1, bias=bias)
        self.conv_out = nn.Conv2d(inner, in_channels, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(in_channels, eps=norm_eps) if norm else None
        self.init_weights()

    def init_weights(self) -> None:
        """Draws from a normal of deviation 0.01; biases and the last layer are zero.

        mmengine calls it after a network around it has drawn weights by its own rules (``init_cfg``).
        """
        for parameter_name, parameter in self.named_parameters():
            if parameter_name.endswith('bias') or parameter_name == 'norm.weight':
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.01)
        if self.norm is None:
            nn.init.zeros_(self.conv_out.weight)

    def _gather(self, x: Tensor) -> Tensor:
        """Returns y of equation 1, (B, inner, H, W)."""
        source = halve(x) if self.pool_first else x
        value = convolve_points(self.g, source)
        query, key = (
            (x, source)
            if self.mode == 'gaussian'
            else (convolve_points(self.theta, x), convolve_points(self.phi, source))
        )
        if self.sub_sample and not self.pool_first:
            key, value = halve(key), halve(value)
        query, key, value = query.flatten(2), key.flatten(2), value.flatten(2)
        if self.mode == 'dot_product':
            y = dot_product_attention(query, key, value)
        elif self.mode == 'concatenation':
            y = concatenation_attention(query, key, value, self.concat_weight)
        else:
            y = gaussian_attention(query, key, value, scale=self.scale)
        return y.reshape(*y.shape[:2], *x.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        """Returns x + norm(conv_out(y))."""
        check_feature_map(type(self).__name__, x, self.in_channels)
        y = self._gather(x)
        with torch.autocast(x.device.type, enabled=False):  # in the dtype of y, which may be beyond float16
            weight, bias = self.conv_out.weight, self.conv_out.bias
            out = F.conv2d(y, weight.to(y.dtype), None if bias is None else bias.to(y.dtype)).to(x.dtype)
        if self.norm is not None:
            out = self.norm(out)
        return x + out

    def extra_repr(self) -> str:
        """Options shown by ``print(model)``."""
        return f'mode={self.mode!r}, sub_sample={self.sub_sample}, pool_first={self.pool_first}'
