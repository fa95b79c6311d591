"""Memory layout of a training."""

import gc

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lays a model's convolution weights out as NHWC; the maps that they make follow.

    Convolutions of few channels run faster so, on a CPU and in mixed precision on a GPU: ``tools/speed.py epoch
    CONFIG --channels-last`` tells by how much. Names and shapes of the weights stay as they are, and so does what a
    network computes; but random weights are drawn in the order of memory, so a seed starts from other ones.

    A model that is wrapped for several processes is wrapped anew: PyTorch lays its copies of the gradients out when it
    wraps, and averages wrong ones if the weights change after that, in the first iteration or, with
    ``find_unused_parameters``, in all.

    On a CPU a model with strided 1x1 convolutions of fewer than 16 channels stays as it is, and the log says so: there
    the backward pass of PyTorch 2.13 writes beyond its memory for maps in that layout.
    """

    priority = 'VERY_HIGH'  # before hooks that copy the model, as EMAHook does

    def before_run(self, runner: Runner) -> None:
        """Converts the model.

        Raises:
            TypeError: if it is wrapped by anything but DistributedDataParallel, which would not know.
        """
        if is_model_wrapper(runner.model) and not isinstance(runner.model, DistributedDataParallel):
            raise TypeError(
                f'ChannelsLastHook: model_wrapper_cfg.type={type(runner.model).__name__!r} has laid out its '
                'copies already; take MMDistributedDataParallel, or leave the hook out'
            )
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        narrow = next((name for name, module in model.named_modules() if _is_narrow(module)), None)
        if narrow is not None and next(model.parameters()).device.type == 'cpu':
            runner.logger.warning(f'ChannelsLastHook: {narrow} is too narrow for it on a CPU, the layout stays NCHW')
            return
        model.to(memory_format=torch.channels_last)
        if runner.model is not model:
            runner.model = model
            gc.collect()  # what hooks the old wrapper has on gradients go with it
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)


def _is_narrow(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels < 16
    )
