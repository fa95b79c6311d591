"""Mixed precision, without a GPU too."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


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
