"""The group of the processes that torchrun started."""

import gc
import os
import socket
from datetime import timedelta

import torch
from torch import distributed

START = 'MMATTN_START'
"""Variable in which elastic nodes tell their processes which start this is, from 1 on (``mmattn.cli.elastic``)."""


def was_restarted() -> bool:
    """Tells whether torchrun started this process again: after one had died, a node had left or another had joined."""
    return int(os.environ.get('TORCHELASTIC_RESTART_COUNT') or 0) > 0 or int(os.environ.get(START) or 1) > 1


def listening(host: str, port: int) -> dict[str, object]:
    """Options of a ``TCPStore`` that listens at one address alone; without them it listens at all of the machine's.

    PyTorch 2.6's store of libuv takes no socket, 2.13's does; the older store, which all versions have, always does.
    """
    options = dict(use_libuv=False) if torch.__version__ < (2, 13) else {}
    return dict(master_listen_fd=socket.create_server((host, port)).detach(), **options)


def number_of_processes() -> int:
    """How many processes were started together, before they join."""
    return int(os.environ.get('WORLD_SIZE') or 1)


def join_processes(backend: str, *, timeout: timedelta | None = None) -> None:
    """Joins the processes that torchrun started, unless this one has.

    PyTorch keeps torchrun's store from one start of the processes to the next, with the addresses of those that died:
    who asks before the new ones are there connects to nobody. So each start has names of its own in it. Where no agent
    keeps a store, the first process makes one, as PyTorch does; on one machine it listens to that machine alone.

    Args:
        backend: 'gloo' or 'nccl'.
        timeout: of collective calls; PyTorch's by default.
    """
    if distributed.is_initialized():
        return
    has_store = os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'
    alone = os.environ.get('MASTER_ADDR') == '127.0.0.1' and START in os.environ
    if (has_store and not was_restarted()) or not (has_store or alone):
        distributed.init_process_group(backend, timeout=timeout)
        return
    rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
    host, port = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])
    if has_store:
        store = distributed.TCPStore(host, port, size, is_master=False)
        store = distributed.PrefixStore(f'start {os.environ["TORCHELASTIC_RESTART_COUNT"]}', store)
    else:
        first = listening(host, port) if rank == 0 else {}
        store = distributed.TCPStore(host, port, size, is_master=rank == 0, **first)
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)


def leave_processes() -> None:
    """Waits for the other processes and ends the group, with Gloo's threads.

    They end with the group's last reference, and a runner is a cycle that holds one in its model. Threads that outlive
    the interpreter abort a process whose work is done once one of them lets a tensor go. And where a wrapped model
    holds the last reference, PyTorch waits for them with the interpreter's lock, which they may be waiting for.
    """
    group = distributed.group.WORLD
    distributed.barrier()
    distributed.destroy_process_group()
    gc.collect()
    del group  # the last, as this one waits for the threads without the lock
