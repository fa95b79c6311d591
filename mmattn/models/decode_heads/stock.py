"""MMSegmentation's own decode heads: right with one output channel (sigmoid), as ours are, and traceable."""

import functools
from collections.abc import Callable
from functools import cache

import mmengine.registry
import mmseg.registry
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmattn.models.blocks.pooling import TraceablePool
from mmattn.models.decode_heads.decode_head import OneChannel, prepare_for_one_channel

_MARK = '_mmattn_one_channel'


def mend_stock_heads() -> None:
    """Makes registries hand out MMSegmentation's heads with losses, samplers and accuracy right, and pools that trace.

    Heads that are built in Python, without a registry, stay as they are.
    """
    for registry in (mmengine.registry.MODELS, mmseg.registry.MODELS):
        if not hasattr(registry.build_func, _MARK):
            registry.build_func = _mending(registry.build_func)


def _mending(build: Callable) -> Callable:
    @functools.wraps(build)
    def build_and_mend(*args: object, **options: object) -> object:
        built = build(*args, **options)
        if isinstance(built, BaseDecodeHead) and not isinstance(built, OneChannel | OwnLosses):
            mend_head(built)
            for module in built.modules():
                if type(module) is nn.AdaptiveAvgPool2d:
                    module.__class__ = TraceablePool
        return built

    setattr(build_and_mend, _MARK, True)
    return build_and_mend


def mend_head(head: BaseDecodeHead) -> None:
    """Makes a head of MMSegmentation right with one output channel; another head stays as it is.

    Raises:
        ValueError: if a loss or a sampler of the head has no meaning for one channel.
    """
    kind = type(head)
    if head.out_channels != 1 or not kind.loss_by_feat.__module__.startswith('mmseg.'):
        return
    if kind.loss_by_feat is BaseDecodeHead.loss_by_feat:
        prepare_for_one_channel(head)
        head.__class__ = _mixed(OneChannel, kind)
    elif head.num_classes == 2:  # with one class these heads mean boundaries or depths
        prepare_for_one_channel(head, own_losses=True)
        head.__class__ = _mixed(OwnLosses, kind)


class OwnLosses:
    """A head that computes losses in its own way, without their accuracies: they are those of a channel a class."""

    def loss_by_feat(self, *args: object, **options: object) -> dict[str, Tensor]:
        """Returns the head's losses."""
        losses = super().loss_by_feat(*args, **options)
        return {name: value for name, value in losses.items() if not name.split('.')[-1].startswith('acc')}


@cache
def _mixed(mixin: type, kind: type[nn.Module]) -> type[nn.Module]:
    return type(kind.__name__, (mixin, kind), {'__module__': kind.__module__, '__doc__': kind.__doc__})
