"""A loss that is no number ends a training, or is left out; weights that are none are never saved."""

import math

import pytest
import torch
from mmengine.config import ConfigDict

from mmattn.common.errors import InputError
from mmattn.engine.hooks import FiniteLossHook


class Broken:
    """The toy's loss becomes NaN at one iteration."""

    def __init__(self, toy: type, at: int, value: float = math.nan) -> None:
        self.model = toy()
        original, calls = self.model.loss, []

        def loss(inputs, data_samples):
            calls.append(1)
            losses = original(inputs, data_samples)
            return {name: loss * value if len(calls) == at else loss for name, loss in losses.items()}

        self.model.loss = loss


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_training_ends_with_one_line(make_runner, toy, tmp_path, value: float):
    model = Broken(toy, 5, value).model
    runner = make_runner(FiniteLossHook(), model=model)
    with pytest.raises(InputError) as error:
        runner.train()
    text = str(error.value)
    assert 'training ends at iteration 5, epoch 2: the loss is ' in text
    assert ' on tile3, tile4, tile5; the last checkpoint is ' in text
    assert text.count('epoch_1.pth') == 1
    assert "FiniteLossHook(action='skip')" in text
    assert model.gain.isfinite()
    assert not (tmp_path / 'run' / 'epoch_2.pth').exists()


def test_a_step_is_left_out(make_runner, toy):
    model = Broken(toy, 2).model
    runner = make_runner(FiniteLossHook('skip'), model=model)
    runner.train()
    assert math.isfinite(model.gain)
    assert model.gain.item() != pytest.approx(0.02, abs=1e-9)
    assert 'update_params' not in vars(runner.optim_wrapper)


def test_weights_that_are_no_numbers_are_not_saved(make_runner, toy, tmp_path):
    model = toy()

    class Break(FiniteLossHook):
        def after_train_epoch(self, runner):
            model.gain.data.fill_(math.nan)

    with pytest.raises(InputError, match='gain holds numbers that are not finite: no checkpoint is saved'):
        make_runner(Break(), model=model).train()
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_a_gpu_is_asked_seldom():
    """The path of a GPU, on the meta of a CPU: the flag is read every ``interval`` iterations."""
    hook, runner = FiniteLossHook(interval=3), ConfigDict(iter=0, epoch=0, work_dir='nowhere')
    hook._look_later(torch.tensor(math.nan), runner)
    runner.iter = 1
    hook._look_later(torch.tensor(1.0), runner)
    runner.iter = 2
    with pytest.raises(InputError, match='the loss of one of the last 3 iterations is not finite'):
        hook._look_later(torch.tensor(1.0), runner)


def test_wrong_options():
    with pytest.raises(ValueError, match="action must be one of 'stop', 'skip', got 'go'"):
        FiniteLossHook('go')
    with pytest.raises(ValueError, match='interval'):
        FiniteLossHook(interval=0)
