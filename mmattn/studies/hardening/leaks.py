"""Memory over many predictions and many steps of training: it must not grow."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.apis import init_model

from mmattn.cli.device import fit_to_device
from mmattn.cli.launch import build_runner, load_config
from mmattn.inference import TilePredictor, predict_section
from mmattn.studies.hardening import samples
from mmattn.studies.hardening.campaign import Campaign
from mmattn.studies.hardening.isolate import Case, WrongResultError

PREDICTIONS, STEPS = 2000, 1000
_MOST = 24.0  # MiB from the first quarter's end on: the allocator's own ups and downs


def resident() -> float:
    """Memory of this process, in MiB."""
    with open('/proc/self/status', encoding='ascii') as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith('VmRSS'))


def watch_memory(campaign: Campaign, root: Path, *, predictions: int = PREDICTIONS, steps: int = STEPS) -> None:
    """Predicts and trains, each in a process of its own, and counts each as a case.

    Args:
        campaign: counts; ``memory.txt`` in its folder has the memory at each tenth.
        root: of the repository, with ``configs``.
        predictions: of sections.
        steps: of training.
    """
    folder = campaign.out / 'memory'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    samples.spare_time()
    config = samples.write_experiment(folder / 'tiny.py', root / 'configs', epochs=-(-steps // 3))
    checkpoint = samples.write_checkpoint(folder / 'm.pth', config)
    log = campaign.out / 'memory.txt'

    def predict() -> None:
        model = init_model(str(config), str(checkpoint), device='cpu')
        draw, prepared = np.random.default_rng(0), TilePredictor(model)

        def one(number: int) -> None:
            predict_section(model if number % 50 == 0 else prepared, draw.uniform(0, 255, (64, 64)))

        _watch('predictions', log, predictions, one)

    def train() -> None:
        options = {'train_cfg.val_interval': 10**6, 'default_hooks.checkpoint.interval': -1}
        loaded = load_config(str(config), options)
        loaded.launcher, loaded.work_dir = 'none', str(folder / 'work')
        fit_to_device(loaded)
        runner = build_runner(loaded, str(config), 'train_loop')
        hook = _Watch()
        runner.register_hook(hook)
        runner.train()
        _judge('steps of training', log, hook.seen)

    cases = Case('predictions', f'{predictions}', predict), Case('training', f'{steps}', train)
    campaign.try_all(cases, seconds=3600)


class _Watch(Hook):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def after_train_iter(self, runner: Runner, **_: object) -> None:
        if (runner.iter + 1) % max(1, runner.max_iters // 10) == 0:
            self.seen.append(resident())


def _watch(name: str, log: Path, count: int, act: Callable[[int], object]) -> None:
    seen = []
    for number in range(count):
        act(number)
        if (number + 1) % max(1, count // 10) == 0:
            seen.append(resident())
    _judge(name, log, seen)


def _judge(name: str, log: Path, seen: list[float]) -> None:
    with open(log, 'a', encoding='utf-8') as file:
        file.write(f'{name}, MiB at each tenth: {" ".join(f"{value:.0f}" for value in seen)}\n')
    if seen[-1] - seen[2] > _MOST:
        raise WrongResultError(f'{name}: memory grew from {seen[2]:.0f} to {seen[-1]:.0f} MiB')
