"""The campaigns, for seconds each; and what tells a loss from what survives."""

import os
import random
import time
from pathlib import Path

import pytest

from mmattn.studies.hardening import Campaign, attack, fuzz, kill, watch_memory
from mmattn.studies.hardening.fuzz import SHARES
from mmattn.studies.hardening.isolate import Case, WrongResultError, try_cases
from mmattn.studies.hardening.mutations import mutate, mutate_text

ROOT = Path(__file__).resolve().parents[3]


def raising(error: BaseException):
    def run() -> None:
        raise error

    return run


def test_every_end_is_told():
    ends = {
        'accepted': lambda: None,
        'refused': raising(ValueError('a.sgy is cut')),
        'traceback': raising(ValueError('something is cut')),
        'wrong': raising(WrongResultError('it was read')),
        'memory': lambda: bytearray(2**31),
        'hang': lambda: time.sleep(60),
        'crash': lambda: os._exit(3),
    }
    cases = [Case('k', name, run, (ValueError,), 'a.sgy') for name, run in ends.items()]
    found = {case.name: outcome.kind for case, outcome in try_cases([*cases, *cases[:2]], seconds=1.0)}
    assert found == {name: name for name in ends}


def test_what_failed_is_kept(tmp_path: Path):
    campaign = Campaign(tmp_path, minutes=1)
    campaign.try_all([Case('k', 'first', raising(KeyError('x')), content=b'abc'), Case('k', 'second', lambda: None)])
    assert campaign.lost == 1
    assert (tmp_path / 'failed/k-001.bin').read_bytes() == b'abc'
    assert 'KeyError' in (tmp_path / 'failed/k-001.txt').read_text()
    assert '1 accepted, 1 traceback' in campaign.table()
    with pytest.raises(ValueError, match='minutes must be above 0'):
        Campaign(tmp_path, minutes=0)


def test_faults_are_repeatable_and_change_something():
    content = bytes(range(256)) * 20
    first, second = ([mutate(content, random.Random(seed)) for seed in range(50)] for _ in range(2))
    assert first == second
    assert sum(one != content for one in first) > 45
    assert sum(mutate_text('a,b\n1,2\n', random.Random(seed)) != 'a,b\n1,2\n' for seed in range(50)) > 40


@pytest.mark.slow
def test_memory_is_watched(tmp_path: Path):
    campaign = Campaign(tmp_path, minutes=1)
    watch_memory(campaign, ROOT, predictions=20, steps=12)
    assert campaign.lost == 0
    assert 'steps of training, MiB at each tenth: ' in (tmp_path / 'memory.txt').read_text()


def test_a_round_is_tried_however_slow_the_machine(tmp_path: Path):
    campaign = Campaign(tmp_path, minutes=1e-9)
    assert campaign.over
    assert list(campaign.rounds()) == [0]


ROUNDS = {
    fuzz: SHARES,
    attack: dict(pickle=48, archive=8, arrays=3, checkpoint=1, picture=1, segy=4, table=1, cell=6),
    kill: dict(training=1, prediction=1),
}
"""What each campaign tries at least, by kind."""


@pytest.mark.slow
@pytest.mark.parametrize('campaign_of', ROUNDS)
def test_a_short_campaign_loses_nothing(tmp_path: Path, campaign_of):
    campaign = Campaign(tmp_path, minutes=0.05)
    campaign_of(campaign, ROOT)
    assert campaign.lost == 0, campaign.table() + ''.join(path.read_text() for path in tmp_path.glob('failed/*.txt'))
    for kind, least in ROUNDS[campaign_of].items():
        assert sum(counts['tried'] for name, counts in campaign.counts.items() if name.startswith(kind)) >= least, kind
