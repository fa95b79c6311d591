"""Training of models that outgrow a device: parameters, gradients and the optimiser's state are split over processes.

PyTorch's ``fully_shard`` does it. It is applied when weights are initialised, loaded or resumed, and the optimiser is
built: everything before sees an ordinary model, and so do checkpoints, which hold whole tensors.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn

from mmattn.common.checks import check_positive_int

T = TypeVar('T')


@MODEL_WRAPPERS.register_module()  # mmengine's, which its runner asks
class NoWrapper:
    """Leaves a model as it is, where mmengine would wrap it to average gradients: ``ShardingHook`` does that."""

    def __new__(cls, module: nn.Module) -> nn.Module:
        """Returns ``module``."""
        return module


@HOOKS.register_module()
class ShardingHook(Hook):
    """Splits the model over all processes for training; checkpoints are whole, and go with any number of processes.

    Blocks (the members of a ``ModuleList`` or ``Sequential``) with enough parameters are gathered one by one as they
    are needed, forward and backward, what remains at once. For validation the whole model is gathered. Every process
    still builds and loads the whole model before, so that it must fit the memory then, without gradients and the
    optimiser's state. Weights are laid out as NCHW, also after ``ChannelsLastHook``. Goes with
    ``model_wrapper_cfg = dict(type='NoWrapper')``.

    Args:
        min_parameters: of a block that is gathered by itself.

    Raises:
        TypeError, ValueError: for a wrong number.
    """

    priority = 'VERY_HIGH'

    def __init__(self, min_parameters: int = 100_000) -> None:
        self.min_parameters = check_positive_int('ShardingHook', 'min_parameters', min_parameters)
        self._units: list[nn.Module] = []

    def before_train(self, runner: Runner) -> None:
        """Splits the model and the optimiser's state.

        Raises:
            ValueError: if the training has one process, wraps its model, averages its weights, or has another
                optimiser's wrapper; on CPUs with a PyTorch that splits on GPUs alone, as 2.6 does.
        """
        from torch.distributed.device_mesh import init_device_mesh

        if any(isinstance(hook, EMAHook) for hook in runner.hooks):
            raise ValueError('ShardingHook: EMAHook averages whole models, which are split here: take one of the two')
        if get_world_size() < 2:
            raise ValueError('ShardingHook: there is one process; start the training by tools/dist_train.sh')
        if isinstance(runner.model, nn.parallel.DistributedDataParallel):
            raise ValueError("ShardingHook: set model_wrapper_cfg = dict(type='NoWrapper')")
        if not isinstance(runner.optim_wrapper, OptimWrapper):
            raise ValueError(f'ShardingHook: one optimiser alone is split, got {type(runner.optim_wrapper).__name__}')
        if isinstance(runner.optim_wrapper, AmpOptimWrapper):
            raise ValueError(
                'ShardingHook: AmpOptimWrapper scales the loss and would judge the gradients of each process by '
                "themselves: take type='BFloat16OptimWrapper' (--amp does)"
            )
        device = next(runner.model.parameters()).device.type
        if device == 'cpu' and not hasattr(torch.cpu.Stream, 'record_event'):
            raise ValueError(f'ShardingHook: PyTorch {torch.__version__} splits models on GPUs alone; take a later one')
        mesh = init_device_mesh(device, (get_world_size(),))
        runner.model.to(memory_format=torch.contiguous_format)  # others, as ChannelsLastHook's, cannot be split
        before = dict(runner.model.named_parameters())
        for value in (*before.values(), *runner.model.buffers()):
            torch.distributed.broadcast(value.detach(), src=0)
        self._units = split(runner.model, mesh, self.min_parameters)
        follow(runner.optim_wrapper.optimizer, before, dict(runner.model.named_parameters()))
        _save_whole(runner)

    def before_val(self, runner: Runner) -> None:
        """Gathers the model: processes predict different numbers of windows."""
        for unit in self._units:
            unit.set_reshard_after_forward(False, recurse=False)
            unit.unshard()

    def after_val(self, runner: Runner) -> None:
        """Splits it again."""
        for unit in self._units:
            unit.reshard()
            unit.set_reshard_after_forward(unit is not runner.model, recurse=False)


def split(model: nn.Module, mesh: object, min_parameters: int) -> list[nn.Module]:
    """Applies ``fully_shard`` to the blocks of a model and to itself, and returns them."""
    from torch.distributed.fsdp import fully_shard

    units = []
    for module in model.modules():
        if not isinstance(module, nn.ModuleList | nn.Sequential):
            continue
        for block in module:
            large = sum(parameter.numel() for parameter in block.parameters()) >= min_parameters
            if large and not isinstance(block, nn.ModuleList) and block not in units:
                units.append(block)
    for unit in reversed(units):  # inner ones first
        fully_shard(unit, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return [*units, model]


def follow(optimizer: torch.optim.Optimizer, before: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    """Puts the split parameters in an optimiser, with their state split as they are."""
    from torch.distributed.tensor import distribute_tensor

    named = {id(parameter): after[name] for name, parameter in before.items()}
    for group in optimizer.param_groups:
        group['params'] = [named[id(parameter)] for parameter in group['params']]
    for parameter, state in list(optimizer.state.items()):
        new = named[id(parameter)]
        del optimizer.state[parameter]
        optimizer.state[new] = {
            key: distribute_tensor(value.contiguous(), new.device_mesh, new.placements)
            if isinstance(value, Tensor) and value.shape == new.shape
            else value
            for key, value in state.items()
        }


def whole(value: T) -> T:
    """Returns nested dicts and lists with every split tensor gathered; all processes must call it."""
    if isinstance(value, dict):
        return type(value)((key, whole(one)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return type(value)(whole(one) for one in value)
    return value.full_tensor() if hasattr(value, 'full_tensor') else value


def _save_whole(runner: Runner) -> None:
    """Makes a runner gather the states in all processes before one of them saves."""
    save: Callable[..., None] = runner.save_checkpoint

    def save_checkpoint(*args: object, save_optimizer: bool = True, **options: object) -> None:
        model, optimizer = runner.model, runner.optim_wrapper
        states = {model: whole(model.state_dict())}
        if save_optimizer:
            states[optimizer] = whole(optimizer.state_dict())
        for owner, state in states.items():
            owner.state_dict = lambda *args, state=state, **options: state
        try:
            save(*args, save_optimizer=save_optimizer, **options)
        finally:
            for owner in states:
                del owner.state_dict

    runner.save_checkpoint = save_checkpoint
