"""Weights of losses that change in the course of a training."""

from collections.abc import Mapping, Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class LossScheduleHook(Hook):
    """Multiplies the weights of named losses by factors that hold from a share of the training on.

    The recipe of the winning TGS entries, cross-entropy first and the symmetric Lovász loss after it, is::

        dict(type='LossScheduleHook', phases=[
            dict(start=0.0, factors=dict(loss_ce=1.0, loss_lovasz=0.0)),
            dict(start=0.7, factors=dict(loss_ce=0.0, loss_lovasz=1.0)),
        ])

    Shares rather than epochs, so that a training of another length keeps its shape. The factors apply to every loss of
    that name in the model, auxiliary heads included, on top of its own ``loss_weight``. Training by epochs changes at
    their beginning, training by iterations at the iteration; a resumed training is in its right phase.

    Args:
        phases: each with ``start``, 0 to 1, rising from 0, and ``factors`` by ``loss_name``, the same names in each.

    Raises:
        ValueError: if the phases are not so; at the beginning of a training, if the model has no loss of a name.
    """

    def __init__(self, *, phases: Sequence[Mapping]) -> None:
        for phase in phases:
            if not isinstance(phase, Mapping) or set(phase) != {'start', 'factors'}:
                raise ValueError(f'each of phases must have start and factors, and nothing else, got {phase!r}')
        starts = [phase['start'] for phase in phases]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= 1:
            raise ValueError(f'phases must start at 0 and rise below 1, got {starts}')
        names = {frozenset(phase['factors']) for phase in phases}
        if len(names) > 1:
            raise ValueError(f'every phase must have a factor for the same losses, got {sorted(map(sorted, names))}')
        self.phases = [(phase['start'], dict(phase['factors'])) for phase in phases]
        self._losses: list[tuple[nn.Module, float]] = []
        self._phase: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Finds the losses and their own weights.

        Raises:
            ValueError: if the model has no loss of a name.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        names = self.phases[0][1]
        found = [module for module in model.modules() if getattr(module, 'loss_name', None) in names]
        missing = names.keys() - {module.loss_name for module in found}
        if missing:
            raise ValueError(f'LossScheduleHook: the model has no loss {", ".join(map(repr, sorted(missing)))}')
        own = {id(module): weight for module, weight in self._losses}  # of an earlier training
        self._losses = [(module, own.get(id(module), module.loss_weight)) for module in found]
        self._phase = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Sets the factors of an epoch."""
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            self._set(runner, runner.epoch, runner.max_epochs)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Sets the factors of an iteration, where the training does not count epochs."""
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            self._set(runner, runner.iter, runner.max_iters)

    def _set(self, runner: Runner, done: int, total: int) -> None:
        phase = max(k for k, (start, _) in enumerate(self.phases) if done >= start * total)
        if phase == self._phase:
            return
        self._phase = phase
        factors = self.phases[phase][1]
        for module, weight in self._losses:
            module.loss_weight = weight * factors[module.loss_name]
        runner.logger.info(f'LossScheduleHook: factors {factors} from {done} of {total}')
