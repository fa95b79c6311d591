"""The pairs of the non-local block's concatenation form, summed without holding them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.kernels.context import is_exporting


def takes(of_query: Tensor, of_key: Tensor, value: Tensor) -> bool:
    """Where nothing is exported: sorted search has no translation."""
    return not is_exporting()


def sorted_sums(of_query: Tensor, of_key: Tensor, value: Tensor) -> Tensor:
    """Sums relu(a + b) * value over the keys exactly, in O((N + M) (log M + C)).

    With the keys sorted by falling b, the pairs above zero are the first ones: two cumulative sums over the keys, taken
    at one place a query, give the result.

    Args:
        of_query: (B, N), one number a for each query.
        of_key: (B, M), one number b for each key.
        value: (B, C, M).

    Returns:
        (B, C, N).
    """
    b, order = of_key.sort(descending=True)
    count = torch.searchsorted(-b.detach(), of_query.detach())  # keys with b > -a
    value = value.gather(2, order.unsqueeze(1).expand_as(value))
    sums = F.pad(torch.cat([value, value * b.unsqueeze(1)], 1).cumsum(2), (1, 0))
    sums = sums.gather(2, count.unsqueeze(1).expand(-1, sums.shape[1], -1))
    plain, times_b = sums.chunk(2, dim=1)
    return torch.addcmul(times_b, of_query.unsqueeze(1), plain)
