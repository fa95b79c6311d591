"""How processes join; tests/tools/test_several_machines.py lets some die."""

import pytest
from torch import distributed

from mmattn.engine import processes
from mmattn.viewer.access import free_port


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What would be asked of PyTorch."""
    asked: list[dict] = []
    monkeypatch.setattr(processes.distributed, 'is_initialized', lambda: bool(asked))
    monkeypatch.setattr(
        processes.distributed,
        'init_process_group',
        lambda backend, **options: asked.append(dict(options, backend=backend)),
    )
    monkeypatch.setattr(processes.distributed, 'TCPStore', lambda *args, **options: (args, options))
    monkeypatch.setattr(processes.distributed, 'PrefixStore', lambda prefix, store: (prefix, store))
    for name, value in dict(RANK=1, WORLD_SIZE=2, MASTER_ADDR='here', MASTER_PORT=29500).items():
        monkeypatch.setenv(name, str(value))
    return asked


@pytest.mark.parametrize(('count', 'agent'), [('0', 'True'), ('2', 'False')])
def test_first_starts_join_as_pytorch_has_it(joined, monkeypatch: pytest.MonkeyPatch, count: str, agent: str):
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', count)
    monkeypatch.setenv('TORCHELASTIC_USE_AGENT_STORE', agent)
    processes.join_processes('gloo')
    processes.join_processes('gloo')  # once is enough
    assert joined == [dict(backend='gloo', timeout=None)]


def test_later_starts_have_names_of_their_own(joined, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '2')
    monkeypatch.setenv('TORCHELASTIC_USE_AGENT_STORE', 'True')
    assert processes.was_restarted()
    processes.join_processes('nccl')
    (asked,) = joined
    assert (asked['backend'], asked['rank'], asked['world_size']) == ('nccl', 1, 2)
    assert asked['store'] == ('start 2', (('here', 29500, 2), dict(is_master=False)))


def test_a_store_listens_where_it_is_told():
    port = free_port('127.0.0.1', 0)
    store = distributed.TCPStore('127.0.0.1', port, 1, is_master=True, **processes.listening('127.0.0.1', port))
    store.set('name', 'value')
    other = distributed.TCPStore('127.0.0.1', port, 1, is_master=False)
    assert other.get('name') == b'value'
    with pytest.raises(OSError, match='in use'):
        processes.listening('127.0.0.1', port)
