"""Machines that come and go: torchrun's rendezvous of MIN to MAX nodes, and how often processes were started in it.

torchrun tells its processes how often some died, but not that others joined or left. So each start is counted in the
store where nodes meet, and the number goes to the processes.
"""

import ipaddress
import os
import re
import sys
from collections.abc import Sequence

from torch.distributed import Store, TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    rendezvous_handler_registry,
)
from torch.distributed.elastic.rendezvous.c10d_rendezvous_backend import create_backend
from torch.distributed.elastic.rendezvous.dynamic_rendezvous import create_handler

from mmattn.common.errors import InputError
from mmattn.engine.processes import START, listening

BACKEND = 'mmattn'
_STARTS, _NUMBER = 'mmattn starts', 'mmattn start'


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine alone."""
    try:
        return host == 'localhost' or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def local_store(
    host: str, port: int, size: int | None = None, is_master: bool = False, *rest: object, **options: object
) -> TCPStore:
    """A store that listens where it is asked to, if that is this machine alone."""
    if is_master and is_loopback(host):
        for interface in ('GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME') if sys.platform == 'linux' else ():
            os.environ.setdefault(interface, 'lo')
        options |= listening(host, port)
    return TCPStore(host, port, size, is_master, *rest, **options)


def store_of_one(host: str, port: int, *rest: object, **options: object) -> TCPStore:
    """As ``local_store``; raises what torchrun expects where another agent of this machine has made the store."""
    try:
        return local_store(host, port, *rest, **options)
    except OSError as error:
        raise RuntimeError(str(error)) from error


def elastic_arguments(arguments: Sequence[str], *, last_call: str = '30') -> list[str]:
    """Turns torchrun's arguments for ``--nnodes=MIN:MAX`` into those of a rendezvous that nodes join and leave.

    Args:
        arguments: as ``tools/dist_*.sh`` give them: options as ``--name=value``, the script and what it is given.
        last_call: seconds that MIN nodes wait for more.

    Returns:
        The arguments; as they were where the number of nodes is fixed.

    Raises:
        InputError: if the number of nodes, or of seconds, is none.
    """
    count = next((number for number, one in enumerate(arguments) if not one.startswith('--')), len(arguments))
    options = dict(one[2:].split('=', 1) for one in arguments[:count] if '=' in one)
    nodes = re.fullmatch(r'([1-9]\d*)(?::([1-9]\d*))?', options.get('nnodes', '1'))
    if nodes is None or (nodes[2] and int(nodes[2]) < int(nodes[1])):
        raise InputError(f'NNODES must be a number of machines or MIN:MAX, got {options["nnodes"]!r}')
    if not nodes[2]:
        return list(arguments)
    if not last_call.isdecimal():
        raise InputError(f'LAST_CALL must be a number of seconds, got {last_call!r}')
    host, port = options.pop('master_addr', '127.0.0.1'), options.pop('master_port', '29500')
    options.pop('node_rank', None)
    options |= dict(rdzv_backend=BACKEND, rdzv_endpoint=f'{host}:{port}', rdzv_id=f'{BACKEND}-{port}')
    options['rdzv_conf'] = f'last_call_timeout={last_call}'
    if is_loopback(host):
        options['local_addr'] = '127.0.0.1'
    return [*(f'--{name}={value}' for name, value in options.items()), *arguments[count:]]


class CountedRendezvous(RendezvousHandler):
    """A rendezvous that tells the processes of each start which start it is.

    Args:
        handler: where nodes meet.
        store: that lasts from one start to the next.
    """

    def __init__(self, handler: RendezvousHandler, store: Store) -> None:
        self._handler, self._store = handler, store

    def next_rendezvous(self) -> RendezvousInfo:
        """Waits for the other nodes; sets the variable that the processes will find."""
        info = self._handler.next_rendezvous()
        if info.rank == 0:
            info.store.set(_NUMBER, str(self._store.add(_STARTS, 1)))
        os.environ[START] = info.store.get(_NUMBER).decode()
        return info

    def get_backend(self) -> str:
        """See the base class."""
        return BACKEND

    @property
    def use_agent_store(self) -> bool:
        """See the base class."""
        return self._handler.use_agent_store

    def is_closed(self) -> bool:
        """See the base class."""
        return self._handler.is_closed()

    def set_closed(self) -> None:
        """See the base class."""
        self._handler.set_closed()

    def num_nodes_waiting(self) -> int:
        """See the base class."""
        return self._handler.num_nodes_waiting()

    def get_run_id(self) -> str:
        """See the base class."""
        return self._handler.get_run_id()

    def shutdown(self) -> bool:
        """See the base class."""
        return self._handler.shutdown()


def make_rendezvous(parameters: RendezvousParameters) -> RendezvousHandler:
    """Makes the rendezvous of one node.

    The processes of each start have a store of their own, which the first of them makes: that of an agent ends with it.
    """
    os.environ['TORCH_DISABLE_SHARE_RDZV_TCP_STORE'] = '1'
    backend, store = create_backend(parameters)
    return CountedRendezvous(create_handler(store, backend, parameters), store)


def register_rendezvous() -> None:
    """Makes ``--rdzv_backend=mmattn`` known to torchrun."""
    rendezvous_handler_registry.register(BACKEND, make_rendezvous)
