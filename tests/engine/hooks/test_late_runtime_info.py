"""What is filed is what mmengine's own hook files; it is read back when it is logged."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.logging import MessageHub

from mmattn.engine.hooks import late_runtime_info
from mmattn.engine.hooks.late_runtime_info import LateRuntimeInfoHook
from tests.waiting import Waits

BATCHES = 7


def runner_of(name: str) -> SimpleNamespace:
    hub = MessageHub.get_instance(f'{name}-{torch.randint(1 << 40, ()).item()}')
    return SimpleNamespace(message_hub=hub, hooks=[LoggerHook(interval=3)], train_dataloader=[None] * BATCHES)


def outputs() -> list[dict]:
    torch.manual_seed(0)
    return [dict(loss=torch.rand(()), acc=torch.rand(1).half(), count=number) for number in range(2 * BATCHES)]


def filed(runner: SimpleNamespace) -> dict[str, list[float]]:
    return {name: buffer.data[0].tolist() for name, buffer in runner.message_hub.log_scalars.items()}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_runtime_info, '_is_far', lambda value: True)


def test_what_is_filed_is_the_same(far):
    ours, theirs, hook = runner_of('ours'), runner_of('theirs'), LateRuntimeInfoHook()
    for number, values in enumerate(outputs()):
        hook.after_train_iter(ours, number % BATCHES, outputs=values)
        RuntimeInfoHook().after_train_iter(theirs, number % BATCHES, outputs=values)
        logs = (number % BATCHES + 1) % 3 == 0 or number % BATCHES == BATCHES - 1
        assert (filed(ours) == filed(theirs)) is logs
    assert len(filed(ours)['train/loss']) == 2 * BATCHES


def test_nothing_is_read_between_logs(far):
    runner, hook = runner_of('reads'), LateRuntimeInfoHook()
    reads = []
    for number, values in enumerate(outputs()[:BATCHES]):
        with Waits() as waits:
            hook.after_train_iter(runner, number, outputs=values)
        reads.append(bool(waits.found))
    assert not any(reads)  # a list is read at once, without a single item
    with Waits() as waits:
        RuntimeInfoHook().after_train_iter(runner, 0, outputs=outputs()[0])
    assert waits.found == ['_local_scalar_dense'] * 2


def test_checkpoints_hold_what_waits(far):
    runner, hook = runner_of('saves'), LateRuntimeInfoHook()
    hook.after_train_iter(runner, 0, outputs=outputs()[0])
    checkpoint = dict(message_hub=None)
    hook.before_save_checkpoint(runner, checkpoint)
    assert 'train/loss' in checkpoint['message_hub']['log_scalars']
    hook.before_save_checkpoint(runner, untouched := {})
    assert untouched == {}


def test_many_iterations_do_not_pile_up(far, monkeypatch):
    monkeypatch.setattr(late_runtime_info, 'MOST', 2)
    runner, hook = runner_of('piles'), LateRuntimeInfoHook()
    runner.hooks = []
    for number, values in enumerate(outputs()[:3]):
        hook.after_train_iter(runner, number, outputs=values)
    assert len(filed(runner)['train/loss']) == 2


def test_on_a_cpu_it_is_mmengines_hook():
    runner, hook = runner_of('cpu'), LateRuntimeInfoHook()
    hook.after_train_iter(runner, 0, outputs=outputs()[0])
    assert len(filed(runner)['train/loss']) == 1
