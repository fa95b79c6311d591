"""Kills trainings and predictions at random moments, goes on, and compares with runs that were let be."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mmattn.studies.hardening import samples
from mmattn.studies.hardening.campaign import Campaign
from mmattn.studies.hardening.isolate import Outcome, start_tool, wait_for

_MOST_KILLS = 4  # of one run
_PATIENCE = 600.0


@dataclass(frozen=True)
class _Job:
    """A command that can go on.

    Args:
        kind: under which it is counted.
        tool: its file.
        words: its arguments, for a folder.
        faults: what is wrong in a folder, against the one that was let be; nothing if all is right.
    """

    kind: str
    tool: Path
    words: Callable[[Path], list[object]]
    faults: Callable[[Path, Path], list[str]]


def kill(campaign: Campaign, root: Path) -> None:
    """Kills, a round and more until the campaign's time is over.

    Args:
        campaign: counts.
        root: of the repository, with ``configs`` and ``tools``.
    """
    folder = campaign.out / 'runs'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    samples.spare_time()
    draw = random.Random(campaign.seed)
    config = samples.write_experiment(folder / 'tiny.py', root / 'configs', epochs=3)
    checkpoint = samples.write_checkpoint(folder / 'm.pth', config)
    survey = samples.write_survey(folder / 'in.sgy', (16, 20, 60))
    options = '--window', 32, 32, '--batch-size', 4, '--memory', 0.05, '--device', 'cpu', '--yes'
    jobs = [
        _Job(
            'training',
            root / 'tools/train.py',
            lambda out: [config, '--work-dir', out, '--checkpoint-every', 2],
            _faults_of_training,
        ),
        _Job(
            'prediction',
            root / 'tools/predict_segy.py',
            lambda out: [
                config,
                checkpoint,
                survey,
                out / 'p.sgy',
                '--mask',
                out / 'm.sgy',
                '--std',
                out / 's.npy',
                *options,
            ],
            _faults_of_prediction,
        ),
    ]
    right = {job.kind: _let_be(job, folder) for job in jobs}
    for number in campaign.rounds():
        for job in jobs:
            _interrupt(campaign, job, folder / f'{job.kind}-{number}', *right[job.kind], draw)


def _let_be(job: _Job, folder: Path) -> tuple[Path, float]:
    """Runs a job to its end; returns its folder, and the seconds it took."""
    out = folder / job.kind
    out.mkdir()
    start = time.monotonic()
    code = wait_for(start_tool(job.tool, job.words(out), folder / f'{job.kind}.log'), _PATIENCE)
    if code != 0:
        raise RuntimeError(f'{job.tool.name} ended with {code}: {(folder / f"{job.kind}.log").read_text()[-2000:]}')
    return out, time.monotonic() - start


def _interrupt(campaign: Campaign, job: _Job, out: Path, right: Path, seconds: float, draw: random.Random) -> None:
    """One run that is killed up to four times; each kill counts as one that was tried."""
    out.mkdir()
    log = out.with_suffix('.log')
    kills: list[str] = []
    code: int | None = None
    while code is None:
        process = start_tool(job.tool, [*job.words(out), *(['--resume'] if kills else [])], log)
        if len(kills) == _MOST_KILLS or (kills and draw.random() < 0.3):
            code = wait_for(process, _PATIENCE)
            code = -signal.SIGKILL if code is None else code
            break
        number = draw.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        moment = draw.uniform(0, 1.05 * seconds)
        ended = _send(process, number, moment)
        if ended is not None:  # it was faster
            code = ended
            break
        kills.append(f'{number.name} after {moment:.2f} s')
        stopped = wait_for(process, _PATIENCE)
        if stopped not in (0, 130, -number):
            code = stopped if stopped is not None else -signal.SIGKILL
        elif not job.faults(out, right):  # it was done as the signal came: there is nothing to go on with
            code = 0
    faults = [f'exit code {code}'] if code else job.faults(out, right)
    said = log.read_text(encoding='utf-8', errors='replace')
    if 'Traceback (most recent call last)' in said:
        faults.append('a traceback')
    outcome = Outcome('wrong', f'{"; ".join(faults)}\n{said[-3000:]}') if faults else Outcome('accepted')
    for one in kills or ['none in time']:
        campaign.add(job.kind if kills else f'{job.kind}, whole', f'{out.name}: {one} of {", ".join(kills)}', outcome)
    if not faults:
        shutil.rmtree(out)
        log.unlink()


def _send(process: int, number: signal.Signals, moment: float) -> int | None:
    """Sends a signal after some seconds; the exit code if the process ended before."""
    end = time.monotonic() + moment
    while time.monotonic() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, number)
    return None


def _faults_of_training(out: Path, right: Path) -> list[str]:
    faults = []
    for path in right.glob('*.pth'):
        mine = out / path.name
        if not mine.is_file():
            faults.append(f'{path.name} is missing')
        else:
            ours, theirs = (torch.load(one, weights_only=False) for one in (mine, path))
            faults += [
                f'{path.name}: {name} differs'
                for name in ('state_dict', 'optimizer')
                if not _same(ours.get(name), theirs.get(name))
            ]
    faults += [f'{path.name} is left' for path in out.glob('*.pth') if not (right / path.name).is_file()]
    return faults + [f'{path.name} is left' for path in out.glob('.*.part')]


def _same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other or (one != one and other != other)


def _faults_of_prediction(out: Path, right: Path) -> list[str]:
    names = {path.name for path in right.iterdir()}
    faults = [f'{name} is missing' for name in names if not (out / name).is_file()]
    faults += [f'{path.name} is left' for path in out.iterdir() if path.name not in names]
    if not faults:
        faults = [f'{name} differs' for name in names if not _equal_files(out / name, right / name)]
    return faults


def _equal_files(one: Path, other: Path) -> bool:
    return np.array_equal(np.fromfile(one, np.uint8), np.fromfile(other, np.uint8))
