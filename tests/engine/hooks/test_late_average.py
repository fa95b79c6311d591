"""The mean of the last weights is what is validated and saved."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmattn.engine.hooks import LateAverageHook


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)


def test_later_iterations_count_evenly_with_their_statistics():
    runner = SimpleNamespace(model=Net(), max_iters=8, iter=0, epoch=0)
    hook = LateAverageHook(start=0.5)
    hook.before_run(runner)
    hook.before_train(runner)
    weight, mean = [], []
    for runner.iter in range(8):
        with torch.no_grad():
            runner.model.norm.weight.fill_(runner.iter**2)
            runner.model.norm.running_mean.fill_(10 * runner.iter)
        weight.append(float(runner.iter**2))
        mean.append(10.0 * runner.iter)
        hook.after_train_iter(runner, runner.iter)
        first = min(4, runner.iter)  # of those averaged so far
        hook.before_val_epoch(runner)
        now = runner.model.norm
        assert now.weight.tolist() == pytest.approx([sum(weight[first:]) / len(weight[first:])] * 2)
        assert now.running_mean.tolist() == pytest.approx([sum(mean[first:]) / len(mean[first:])] * 2)
        hook.after_val_epoch(runner)
        assert now.weight.tolist() == [runner.iter**2] * 2
    checkpoint = dict(state_dict=runner.model.state_dict())
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint['state_dict']['norm.weight'].tolist() == pytest.approx([sum(weight[4:]) / 4] * 2)


@pytest.mark.parametrize('start', [0.0, 1.0])
def test_some_iteration_always_counts(start: float):
    runner = SimpleNamespace(model=Net(), max_iters=3, iter=0, epoch=0)
    hook = LateAverageHook(start=start)
    hook.before_run(runner)
    hook.before_train(runner)
    assert hook.begin_iter == (1 if start == 0 else 3)  # counted from 1


def test_a_wrong_start_is_named():
    with pytest.raises(ValueError, match='LateAverageHook: start must be from 0 to 1, got 2'):
        LateAverageHook(start=2)
