"""torchrun that ends with the exit code of the process that failed, and without a traceback of its own.

On one machine nothing listens to others: the store of torchrun and gloo's connections stay on the loopback interface,
where torchrun alone would listen on all.
"""

import ipaddress
import os
import socket
import sys
from unittest.mock import patch

from torch.distributed import TCPStore
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import static_tcp_rendezvous
from torch.distributed.run import main


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine alone."""
    try:
        return host == 'localhost' or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def local_store(host: str, port: int, size: int, is_master: bool, *rest: object, **options: object) -> TCPStore:
    """A store that listens where it is asked to, if that is this machine alone."""
    if is_master and is_loopback(host):
        for interface in ('GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME') if sys.platform == 'linux' else ():
            os.environ.setdefault(interface, 'lo')
        options['master_listen_fd'] = socket.create_server((host, port)).detach()
    return TCPStore(host, port, size, is_master, *rest, **options)


if __name__ == '__main__':
    try:
        with patch.object(static_tcp_rendezvous, 'TCPStore', local_store):
            main()
    except ChildFailedError as error:
        sys.exit(abs(next(iter(error.failures.values())).exitcode))
    except SignalException as error:  # Ctrl-C and SIGTERM, which the processes were sent too
        sys.exit(128 + error.sigval)
    except OSError as error:
        print(f'error: {error} (another PORT may be free)', file=sys.stderr)
        sys.exit(2)
