"""The group of the processes that torchrun started."""

import os
from datetime import timedelta

from torch import distributed


def was_restarted() -> bool:
    """Tells whether torchrun started this process again after one had died: it goes on then."""
    return int(os.environ.get('TORCHELASTIC_RESTART_COUNT') or 0) > 0


def join_processes(backend: str, *, timeout: timedelta | None = None) -> None:
    """Joins the processes that torchrun started, unless this one has.

    PyTorch keeps torchrun's store from one start of the processes to the next, with the addresses of those that died:
    who asks before the new ones are there connects to nobody. So each start has names of its own in it. Where no agent
    keeps a store, the first process makes one, as PyTorch does.

    Args:
        backend: 'gloo' or 'nccl'.
        timeout: of collective calls; PyTorch's by default.
    """
    if distributed.is_initialized():
        return
    if not was_restarted() or os.environ.get('TORCHELASTIC_USE_AGENT_STORE') != 'True':
        distributed.init_process_group(backend, timeout=timeout)
        return
    rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
    store = distributed.TCPStore(os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']), size, is_master=False)
    store = distributed.PrefixStore(f'start {os.environ["TORCHELASTIC_RESTART_COUNT"]}', store)
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)
