"""What ``--amp`` sets on this machine."""

import torch

from mmattn.common.errors import InputError
from mmattn.kernels.context import has_bfloat16


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
