"""torchrun that ends with the exit code of the process that failed, and without a traceback of its own."""

import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

if __name__ == '__main__':
    try:
        main()
    except ChildFailedError as error:
        sys.exit(abs(next(iter(error.failures.values())).exitcode))
    except SignalException as error:  # Ctrl-C and SIGTERM, which the processes were sent too
        sys.exit(128 + error.sigval)
