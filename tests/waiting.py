"""Finds where a computation would wait for a GPU: where values of tensors decide what is done next."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

READ = {'_local_scalar_dense', 'nonzero', 'masked_select', '_unique2', 'unique_consecutive', 'equal', 'bincount'}
INDEXED = {'index', 'index_put', 'index_put_'}


class Waits(TorchDispatchMode):
    """Lists the operators of a block whose results have to be read back from a GPU before the next can be launched."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        by_mask = name in INDEXED and any(isinstance(t, Tensor) and t.dtype == torch.bool for t in args[1])
        if name in READ or by_mask:
            self.found.append(name)
        return func(*args, **(kwargs or {}))
