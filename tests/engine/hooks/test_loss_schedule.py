"""Losses that give way to each other."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmattn.cli.device import fit_to_device
from tests.tiny import write_tiny_config

PHASES = [
    dict(start=0.0, factors=dict(loss_ce=1.0, loss_lovasz=0.0)),
    dict(start=0.5, factors=dict(loss_ce=0.0, loss_lovasz=2.0)),
]
TWO_LOSSES = """
losses = [
    dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=0.5),
    dict(type='LovaszHingeLoss', symmetric=True, loss_weight=0.5),
]
model['decode_head'].update(loss_decode=losses)
model['auxiliary_head'].update(loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=0.4))
"""


def make_runner(folder: Path, extra: str = '', phases: list[dict] = PHASES) -> Runner:
    config = Config.fromfile(write_tiny_config(folder, TWO_LOSSES + extra, epochs=4))
    config.work_dir = str(folder / 'work')
    config.custom_hooks = [dict(type='LossScheduleHook', phases=phases)]
    fit_to_device(config)
    runner = Runner.from_cfg(config)
    runner.train_loop  # noqa: B018, builds it
    return runner


def weights(runner: Runner) -> list[float]:
    losses = [*runner.model.decode_head.loss_decode, runner.model.auxiliary_head.loss_decode]
    return [round(loss.loss_weight, 6) for loss in losses]


def hook_of(runner: Runner):
    return next(hook for hook in runner.hooks if type(hook).__name__ == 'LossScheduleHook')


def test_weights_follow_the_epochs_of_a_training(tmp_path: Path):
    runner = make_runner(tmp_path)
    hook = hook_of(runner)
    hook.before_train(runner)
    seen = []
    for epoch in range(4):
        runner.train_loop._epoch = epoch
        hook.before_train_epoch(runner)
        hook.before_train_iter(runner, 0)
        seen.append(weights(runner))
    assert seen == [[0.5, 0.0, 0.4]] * 2 + [[0.0, 1.0, 0.0]] * 2
    hook.before_train(runner)  # a second training of one process
    runner.train_loop._epoch = 0
    hook.before_train_epoch(runner)
    assert weights(runner) == seen[0]


def test_weights_follow_the_iterations_where_those_are_counted(tmp_path: Path):
    runner = make_runner(tmp_path, "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=10)\n")
    hook = hook_of(runner)
    hook.before_train(runner)
    seen = []
    for iteration in (0, 4, 5, 9):
        runner.train_loop._iter = iteration
        hook.before_train_epoch(runner)
        hook.before_train_iter(runner, iteration)
        seen.append(weights(runner)[1])
    assert seen == [0.0, 0.0, 1.0, 1.0]


def test_an_unknown_loss_is_named(tmp_path: Path):
    runner = make_runner(tmp_path, phases=[dict(start=0, factors=dict(loss_dice=1.0))])
    with pytest.raises(ValueError, match="the model has no loss 'loss_dice'"):
        hook_of(runner).before_train(runner)


@pytest.mark.parametrize(
    ('starts', 'message'),
    [
        ([], r'phases must start at 0 and rise below 1, got \[\]'),
        ([0.1], r'got \[0.1\]'),
        ([0, 0.5, 0.5], r'got \[0, 0.5, 0.5\]'),
        ([0, 1], r'got \[0, 1\]'),
    ],
)
def test_phases_that_make_no_schedule(starts: list[float], message: str):
    with pytest.raises(ValueError, match=message):
        HOOKS.build(dict(type='LossScheduleHook', phases=[dict(start=s, factors=dict(loss_ce=1)) for s in starts]))


def test_phases_must_name_the_same_losses():
    phases = [dict(start=0, factors=dict(loss_ce=1)), dict(start=0.5, factors=dict(loss_lovasz=1))]
    with pytest.raises(ValueError, match=r'a factor for the same losses, got .*loss_ce.*loss_lovasz'):
        HOOKS.build(dict(type='LossScheduleHook', phases=phases))


def test_a_phase_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"must have start and factors, and nothing else, got \{'begin': 0\}"):
        HOOKS.build(dict(type='LossScheduleHook', phases=[dict(begin=0)]))
