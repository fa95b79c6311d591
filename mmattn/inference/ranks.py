"""The processes of one prediction: which one this is, waiting for the others, and work that one does for all."""

from collections.abc import Callable
from datetime import timedelta

from torch import distributed

from mmattn.engine.processes import join_processes

_LONGEST = timedelta(days=30)  # a process may wait for another's share of a large survey


def start_ranks() -> None:
    """Joins the processes that torchrun started; they only wait for each other, so gloo does on GPUs too."""
    join_processes('gloo', timeout=_LONGEST)


def rank_and_size() -> tuple[int, int]:
    """Which process is this one, and of how many: (0, 1) without torchrun."""
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def wait_for_all() -> None:
    """Returns once every process is here."""
    if rank_and_size()[1] > 1:
        distributed.barrier()


def on_first(work: Callable[[], object]) -> object:
    """Lets the first process do something and gives its result, or raises its error, in all of them.

    Args:
        work: called in the first process; what it returns must be picklable.

    Raises:
        Exception: what ``work`` raised; in other processes one of the same type and text.
    """
    rank, size = rank_and_size()
    message: list[object] = [None, None]
    error: Exception | None = None
    if rank == 0:
        try:
            message[1] = work()
        except Exception as caught:
            error = caught
            message[0] = (type(caught), str(caught))
    if size > 1:
        distributed.broadcast_object_list(message, src=0)
    if error is not None:
        raise error
    if message[0] is not None:
        kind, text = message[0]
        raise kind(text)
    return message[1]
