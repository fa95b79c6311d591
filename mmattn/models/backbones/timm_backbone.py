"""MMSegmentation's ``TIMMBackbone``: local weight files with a report, and channels-last maps taken as they are meant.

MMEngine's ``Pretrained`` looks for names under ``timm_model.`` and goes on with random weights where a file of timm's
has others; and timm's Swin networks return (B, H, W, C), which decode heads take for C rows.
"""

import functools
import re
from collections.abc import Callable, Sequence

import mmengine.registry
import mmseg.registry
from mmseg.models.backbones.timm_backbone import TIMMBackbone
from torch import Tensor

from mmattn.models.weights.loading import LoadsPretrained

_MISSING = "TIMMBackbone: timm is not installed; it is an extra: pip install 'mmattn[timm]'"
_MARK = '_mmattn_timm'
_PREFIX = 'timm_model.'


def mend_timm_backbone() -> None:
    """Makes registries hand out a ``TIMMBackbone`` that is right; without timm they say how to get it."""
    for registry in (mmengine.registry.MODELS, mmseg.registry.MODELS):
        if not hasattr(registry.build_func, _MARK):
            registry.build_func = _mending(registry.build_func)


def _mending(build: Callable) -> Callable:
    @functools.wraps(build)
    def build_and_mend(*args: object, **options: object) -> object:
        try:
            built = build(*args, **options)
        except RuntimeError as error:
            if str(error).endswith('timm is not installed'):
                raise ImportError(_MISSING) from error
            raise
        if type(built) is TIMMBackbone:
            built.__class__ = _TIMMBackbone
            built.split_init_cfg()
        return built

    setattr(build_and_mend, _MARK, True)
    return build_and_mend


class _TIMMBackbone(LoadsPretrained, TIMMBackbone):
    """``TIMMBackbone`` as registries hand it out once mmattn is imported."""

    def fit_tensors(self, tensors: dict[str, Tensor], prefix: str) -> list[str]:
        """Gives a file's tensors, in place, the names that they have here; nothing is interpolated.

        timm's feature extractors join the names of a network and its stage: ``stages.0`` is ``stages_0`` in them; and
        those of vision transformers hold the network as ``model``. A file's own names are kept where none fits.
        """
        ours = {prefix + name for name in self.state_dict()}
        for name in list(tensors):
            bare = name.removeprefix(prefix).removeprefix(_PREFIX)
            joined = re.sub(r'^([A-Za-z_]+)\.(\d+)\.', r'\1_\2.', bare)
            candidates = (f'{prefix}{_PREFIX}{form}' for form in (bare, joined, f'model.{bare}'))
            fitting = next((candidate for candidate in candidates if candidate in ours), name)
            tensors[fitting] = tensors.pop(name)
        return []

    def forward(self, x: Tensor) -> Sequence[Tensor]:
        """Returns maps (B, C, H, W), also of networks whose maps have their channels last."""
        maps = super().forward(x)
        if str(getattr(self.timm_model, 'output_fmt', 'NCHW')).endswith('NHWC'):
            return [y.permute(0, 3, 1, 2).contiguous() for y in maps]
        return maps


_TIMMBackbone.__name__ = _TIMMBackbone.__qualname__ = TIMMBackbone.__name__
