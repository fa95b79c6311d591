"""A checkpoint before a training ends early and within epochs; what was not validated is validated first."""

import multiprocessing
import signal
import subprocess
import time
from pathlib import Path

import pytest
from mmengine.hooks import Hook

from mmattn.engine.hooks import StopSafelyHook


class Signal(Hook):
    """Sends a signal after an iteration of training, or in validation."""

    priority = 'VERY_LOW'

    def __init__(self, number: int, at: int, times: int = 1, *, validation: bool = False) -> None:
        self.number, self.at, self.times, self.validation = number, at, times, validation

    def after_train_iter(self, runner, **_: object) -> None:
        if not self.validation and runner.iter + 1 == self.at:
            for _ in range(self.times):
                signal.raise_signal(self.number)

    def after_val_iter(self, runner, **_: object) -> None:
        if self.validation:
            signal.raise_signal(self.number)


def stopped(make_runner, signals: Signal, **options) -> None:
    runner = make_runner(StopSafelyHook(), **options)
    runner.register_hook(signals)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert signal.getsignal(signal.SIGTERM) == before  # given back


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_first(make_runner, tmp_path, number: int):
    stopped(make_runner, Signal(number, at=2))
    assert Path((tmp_path / 'run' / 'last_checkpoint').read_text()) == tmp_path / 'run' / 'latest.pth'


class SignalToAll(Hook):
    """Has another process send a signal to the processes that load data, then takes it too, as ``timeout`` does."""

    priority = 'VERY_LOW'

    def __init__(self, number: int) -> None:
        self.number = number

    def after_train_iter(self, runner, **_: object) -> None:
        loading = [str(process.pid) for process in multiprocessing.active_children()]
        assert len(loading) == 2
        subprocess.run(['kill', f'-{int(self.number)}', *loading], check=True)
        time.sleep(0.5)
        signal.raise_signal(self.number)


@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='asks who sent a signal')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize('persistent', [False, True])
def test_a_signal_to_all_processes_saves_first(make_runner, tmp_path, number: int, persistent: bool):
    loading = dict(num_workers=2, persistent_workers=persistent)
    stopped(make_runner, SignalToAll(number), loading=loading)
    assert Path((tmp_path / 'run' / 'last_checkpoint').read_text()) == tmp_path / 'run' / 'latest.pth'
    for process in multiprocessing.active_children():  # of a loader that is kept
        process.terminate()
        process.join(20)
        assert process.exitcode == 0


def test_a_second_signal_ends_at_once(make_runner, tmp_path):
    stopped(make_runner, Signal(signal.SIGTERM, at=2, times=2))
    assert not (tmp_path / 'run' / 'latest.pth').exists()


def test_checkpoints_within_epochs(make_runner, tmp_path):
    seen = []

    class Look(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner, **_: object) -> None:
            seen.append((runner.iter + 1, (tmp_path / 'run' / 'latest.pth').exists()))

    runner = make_runner(StopSafelyHook(2), epochs=1)
    runner.register_hook(Look())
    runner.train()
    assert seen == [(1, False), (2, True), (3, True)]
    assert not (tmp_path / 'run' / 'latest.pth').exists()
    assert Path((tmp_path / 'run' / 'last_checkpoint').read_text()).name == 'epoch_1.pth'


def test_what_was_not_validated_is_validated_first(make_runner, tmp_path):
    stopped(make_runner, Signal(signal.SIGINT, at=0, validation=True))
    assert not (tmp_path / 'run' / '.validated').exists()
    validated = []

    class Look(Hook):
        def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
            validated.append(runner.epoch)

    for expected in ([1, 2], []):
        runner = make_runner(StopSafelyHook(), resume=True, epochs=2 if expected else 3)
        if not expected:
            runner.train_loop._max_epochs = 2  # resumes at the end of all
        runner.register_hook(Look())
        validated.clear()
        runner.train()
        assert validated == expected
    assert (tmp_path / 'run' / '.validated').read_text() == '2'


def test_what_was_validated_late_is_remembered_as_the_best(make_runner, tmp_path):
    """Killed again right after that: the best of the first epoch is still known."""
    best = dict(best='salt_iou')
    stopped(make_runner, Signal(signal.SIGINT, at=0, validation=True), **best)

    class Kill(Hook):
        def before_train_epoch(self, runner) -> None:
            raise RuntimeError('killed')

    known = []
    for _ in range(2):
        runner = make_runner(StopSafelyHook(), resume=True, epochs=2, **best)
        runner.register_hook(Kill())
        with pytest.raises(RuntimeError, match='killed'):
            runner.train()
        known.append({name: runner.message_hub.get_info(name) for name in ('best_score', 'best_ckpt')})
    assert known[0] == known[1]
    assert Path(known[1]['best_ckpt']).is_file()
    assert (runner.epoch, runner.iter) == (1, 3)


def test_wrong_options():
    with pytest.raises(ValueError, match='interval'):
        StopSafelyHook(0)
