"""Memory layout of a training."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lays a model's convolution weights out as NHWC; the maps that they make follow.

    Convolutions of few channels run faster so, on a CPU and in mixed precision on a GPU: ``tools/benchmark.py epoch
    CONFIG --channels-last`` tells by how much. Values, names and shapes of the weights stay as they are, so checkpoints
    are the same with and without the hook.
    """

    priority = 'VERY_HIGH'  # before hooks that copy the model, as EMAHook does

    def before_run(self, runner: Runner) -> None:
        """Converts the model."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.to(memory_format=torch.channels_last)
