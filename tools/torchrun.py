"""torchrun that ends with the exit code of the process that failed, and without a traceback of its own.

On one machine nothing listens to others: the store of torchrun and gloo's connections stay on the loopback interface,
where torchrun alone would listen on all. With ``--nnodes=MIN:MAX`` nodes may leave and join: their processes are
started again and go on.
"""

import os
import sys
from unittest.mock import patch

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import c10d_rendezvous_backend, static_tcp_rendezvous
from torch.distributed.elastic.rendezvous.api import RendezvousError
from torch.distributed.run import main

from mmattn.cli.elastic import elastic_arguments, local_store, register_rendezvous, store_of_one
from mmattn.common.errors import InputError

if __name__ == '__main__':
    try:
        register_rendezvous()
        with (
            patch.object(static_tcp_rendezvous, 'TCPStore', local_store),
            patch.object(c10d_rendezvous_backend, 'TCPStore', store_of_one),
        ):
            main(elastic_arguments(sys.argv[1:], last_call=os.environ.get('LAST_CALL', '30')))
    except ChildFailedError as error:
        sys.exit(abs(next(iter(error.failures.values())).exitcode))
    except SignalException as error:  # Ctrl-C and SIGTERM, which the processes were sent too
        sys.exit(128 + error.sigval)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    except (OSError, RendezvousError) as error:
        print(f'error: {error} (another PORT may be free)', file=sys.stderr)
        sys.exit(2)
