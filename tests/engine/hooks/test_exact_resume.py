"""A training that is stopped anywhere and resumed ends with the weights of one that is not."""

import copy
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmattn  # noqa: F401  registers
from mmattn.engine.hooks.exact_resume import Draw, _Numbered, _seeded_kind, derive_seed
from tests.tiny import write_tiny_config

# Everything that draws or remembers: augmentation, dropout, an average of the weights, a schedule by iteration.
EXTRA = """
custom_hooks = [dict(type='EMAHook', momentum=0.1)]
train_pipeline = [dict(type='RandomAmplitude', gain=(0.5, 2.0))]
"""


class Stop(Hook):
    """Ends a training as a signal does, after so many iterations."""

    priority = 'VERY_LOW'  # before the hook that saves

    def __init__(self, after: int) -> None:
        self.after = after

    def after_train_iter(self, runner: Runner, **_: object) -> None:
        if runner.iter + 1 == self.after:
            signal.raise_signal(signal.SIGTERM)


class Losses(Hook):
    """Keeps the losses of all iterations."""

    def __init__(self) -> None:
        self.values: dict[int, float] = {}

    def after_train_iter(self, runner: Runner, outputs: dict, **_: object) -> None:
        self.values[runner.iter] = outputs['loss'].item()


def train(
    path: Path,
    work_dir: Path,
    losses: Losses,
    *,
    stop: int | None = None,
    resume: bool = False,
    loop: dict | None = None,
    **options,
) -> Runner:
    config = Config.fromfile(path)
    config.merge_from_dict(options)
    config.train_cfg = loop or config.train_cfg
    config.work_dir, config.resume = str(work_dir), resume
    config.experiment_name = f'{work_dir.name}_{stop}_{resume}'
    runner = Runner.from_cfg(config)
    runner.register_hook(losses)
    if stop is None:
        runner.train()
        return runner
    runner.register_hook(Stop(stop))
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    return runner


def weights(work_dir: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(work_dir / 'epoch_2.pth', weights_only=False)
    return checkpoint['state_dict'] | {f'ema.{name}': value for name, value in checkpoint['ema_state_dict'].items()}


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Losses]:
    """A config, the work directory of its training without a stop, and the losses: two epochs of four iterations."""
    torch.set_default_dtype(torch.float32)
    from mmengine.registry import init_default_scope

    init_default_scope('mmseg')
    folder = tmp_path_factory.mktemp('whole')
    path, losses = write_tiny_config(folder, EXTRA, epochs=2), Losses()
    train(path, folder / 'work', losses)
    return path, folder / 'work', losses


@pytest.mark.parametrize('stops', [(2,), (4,), (6, 7), (8,)])
def test_resumed_trainings_end_alike(whole, tmp_path, stops: tuple[int, ...]):
    path, work_dir, expected = whole
    losses = Losses()
    for number, stop in enumerate(stops):
        train(path, tmp_path / 'work', losses, stop=stop, resume=number > 0)
        assert Path((tmp_path / 'work' / 'last_checkpoint').read_text()).name == 'latest.pth'
    train(path, tmp_path / 'work', losses, resume=True)
    assert losses.values == expected.values
    assert len(losses.values) == 8
    ours, theirs = weights(tmp_path / 'work'), weights(work_dir)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not (tmp_path / 'work' / 'latest.pth').exists()


@pytest.mark.parametrize('persistent', [False, True])
def test_processes_that_load_change_nothing(whole, tmp_path, persistent: bool):
    path, _, expected = whole
    losses, workers = Losses(), {'train_dataloader.num_workers': 2, 'train_dataloader.persistent_workers': persistent}
    train(path, tmp_path / 'work', losses, stop=6, **workers)
    train(path, tmp_path / 'work', losses, resume=True, **workers)
    assert losses.values == expected.values


def test_a_loop_of_iterations_resumes_too(whole, tmp_path):
    path, _, _ = whole
    options = {
        'loop': dict(type='IterBasedTrainLoop', max_iters=7, val_interval=100),
        'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': 7,
        'log_processor.by_epoch': False,
        'train_dataloader.sampler': dict(type='InfiniteSampler', shuffle=True),
    }
    expected, losses = Losses(), Losses()
    train(path, tmp_path / 'whole', expected, **options)
    train(path, tmp_path / 'work', losses, stop=5, **options)
    train(path, tmp_path / 'work', losses, resume=True, **options)
    assert losses.values == expected.values
    assert len(losses.values) == 7


def test_a_seed_of_chance_is_taken_over(whole, tmp_path):
    path, _, _ = whole
    losses = Losses()
    first = train(path, tmp_path / 'work', losses, stop=3, randomness=dict(seed=None))
    second = train(path, tmp_path / 'work', losses, resume=True, randomness=dict(seed=None))
    assert second.seed == first.seed
    assert second.train_dataloader.sampler.seed == first.seed


def test_a_sample_draws_by_its_seed_alone():
    class Numbers:
        def __getitem__(self, index: int) -> tuple[int, float, float]:
            return index, np.random.rand(), torch.rand(()).item()

    dataset = Numbers()
    dataset.__class__ = _seeded_kind(Numbers)
    first = dataset[Draw(3, 11)]
    assert first == dataset[Draw(3, 11)] != dataset[Draw(3, 12)]
    draw = pickle.loads(pickle.dumps(Draw(3, 11)))
    assert (draw, draw.seed) == (3, 11)
    assert copy.deepcopy(dataset)[Draw(3, 11)] == first
    assert len({derive_seed(0, 1, 2, n) for n in range(1000)}) == 1000


def test_the_number_of_processes_does_not_change_what_an_iteration_sees():
    """Of 12 samples, 4 an iteration, one iteration done."""

    def iterations(size: int) -> list[set[tuple[int, int]]]:
        batch, seen = 4 // size, [set(), set()]
        for rank in range(size):
            sampler = _Numbered(range(rank, 12, size), 7, rank=rank, size=size)
            sampler.position, sampler.skipped = batch, batch
            for number, draw in enumerate(sampler):
                seen[number // batch].add((int(draw), draw.seed))
        return seen

    assert iterations(1) == iterations(2) == iterations(4)
    assert [{index for index, _ in seen} for seen in iterations(2)] == [{4, 5, 6, 7}, {8, 9, 10, 11}]


def test_other_numbers_of_samples_are_warned_of(whole, tmp_path):
    """The epoch begins anew, where its iterations could not be counted."""
    path, _, _ = whole
    losses = Losses()
    train(path, tmp_path / 'work', losses, stop=2)
    saved = torch.load(tmp_path / 'work' / 'latest.pth', weights_only=False)['meta']
    assert (saved['processes'], saved['batch_size']) == (1, 4)
    train(path, tmp_path / 'work', losses, resume=True, **{'train_dataloader.batch_size': 8})
    log = '\n'.join(one.read_text() for one in (tmp_path / 'work').rglob('*.log'))
    assert 'an iteration had 1 x 4 samples (processes x batch_size), and has 1 x 8' in log
    assert len(losses.values) == 2 + 4
