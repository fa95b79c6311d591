"""Mixed precision, without a GPU too."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn

from mmattn.attention._row_products import has_bfloat16
from mmattn.engine.command_line import InputError


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Forward passes by PyTorch's autocast in bfloat16; weights and their updates stay float32.

    It is what ``tools/train.py --amp`` takes on a CPU, where mmengine's ``AmpOptimWrapper`` refuses to work. bfloat16
    reaches as far as float32, so losses need no scaling.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Wraps a forward pass and its losses."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield


def amp_settings() -> dict[str, str]:
    """Returns what an ``optim_wrapper`` needs for mixed precision on this machine.

    That is float16 with a scaled loss on a GPU, bfloat16 on processors that have it, and nothing on others.
    """
    if torch.cuda.is_available():
        return dict(type='AmpOptimWrapper', loss_scale='dynamic')
    return dict(type='BFloat16OptimWrapper') if has_bfloat16() else {}


def amp_options() -> tuple[str, ...]:
    """Returns ``amp_settings`` as texts for ``--cfg-options``.

    Raises:
        InputError: on a machine without mixed precision.
    """
    settings = amp_settings()
    if not settings:
        raise InputError('--amp: no GPU, and no bfloat16 in this processor')
    return tuple(f'optim_wrapper.{key}={value}' for key, value in settings.items())
