"""Nodes that come and go; tests/tools/test_elastic_machines.py lets one go."""

import os
from types import SimpleNamespace

import pytest
from torch.distributed import HashStore, PrefixStore

from mmattn.cli.elastic import CountedRendezvous, elastic_arguments, is_loopback
from mmattn.common.errors import InputError
from mmattn.engine import processes

GIVEN = ['--nnodes=1:3', '--node_rank=1', '--master_addr=127.0.0.1', '--master_port=123', '--nproc_per_node=2']


def test_a_fixed_number_of_nodes_stays_as_it_is():
    given = ['--nnodes=2', *GIVEN[1:], 'predict.py', '--nnodes=1:2']
    assert elastic_arguments(given) == given


def test_nodes_that_come_and_go_meet_at_the_first():
    said = elastic_arguments([*GIVEN, '--max_restarts=4', 'predict.py', '--resume', 'a=b'], last_call='5')
    assert said == [
        '--nnodes=1:3', '--nproc_per_node=2', '--max_restarts=4', '--rdzv_backend=mmattn',
        '--rdzv_endpoint=127.0.0.1:123', '--rdzv_id=mmattn-123', '--rdzv_conf=last_call_timeout=5',
        '--local_addr=127.0.0.1', 'predict.py', '--resume', 'a=b',
    ]  # fmt: skip
    away = elastic_arguments([one.replace('127.0.0.1', 'first.machine') for one in GIVEN])
    assert not any(one.startswith('--local_addr') for one in away)


@pytest.mark.parametrize('nodes', ['two', '0', '2:1', '1:', ''])
def test_a_wrong_number_of_nodes_is_named(nodes: str):
    with pytest.raises(InputError, match=f"NNODES must be a number of machines or MIN:MAX, got '{nodes}'"):
        elastic_arguments([f'--nnodes={nodes}', 'a.py'])


def test_a_wrong_number_of_seconds_is_named():
    with pytest.raises(InputError, match=r"LAST_CALL must be a number of seconds, got 'soon'"):
        elastic_arguments(GIVEN, last_call='soon')


def test_loopback():
    assert all(map(is_loopback, ('localhost', '127.0.0.1', '::1')))
    assert not any(map(is_loopback, ('first.machine', '10.0.0.1')))


def test_starts_are_counted_over_the_rounds(monkeypatch: pytest.MonkeyPatch):
    """The second node, which was not there at first, hears the same number."""
    monkeypatch.setenv(processes.START, '')
    kept = HashStore()
    rounds = [PrefixStore(f'round {number}', kept) for number in range(3)]

    def node(places: list[tuple[int, int]]) -> CountedRendezvous:
        infos = iter([SimpleNamespace(rank=rank, store=rounds[number]) for number, rank in places])
        return CountedRendezvous(SimpleNamespace(next_rendezvous=lambda: next(infos)), kept)

    first, second = node([(0, 0), (1, 0)]), node([(1, 1), (2, 0)])
    for one, number in ((first, '1'), (first, '2'), (second, '2'), (second, '3')):
        one.next_rendezvous()
        assert os.environ[processes.START] == number
        assert processes.was_restarted() is (number != '1')
