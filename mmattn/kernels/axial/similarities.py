"""The batch-normalised similarities of axial attention, with as few of them held as can be.

In evaluation the normalisation is folded into queries and keys. In training its statistics come from Gram matrices
where these are cheaper than the similarities' own. Letters as in ``lines``.
"""

import torch
from torch import Tensor, nn

from mmattn.kernels.axial.lines import Pieces
from mmattn.kernels.axial.products import by_position

# Positions on a line, and positions a query channel, from which Gram matrices are cheaper than the similarities' own
# statistics.
_GRAM_LENGTH, _GRAM_RATIO = 24, 3


def normalised_logits(pieces: Pieces, norm: nn.BatchNorm2d) -> Tensor:
    """Sums the three batch-normalised similarities, (B, G, P, A, T)."""
    query, key = pieces.query, pieces.key
    if norm.training and pieces.valid is None and _statistics_are_cheap(query, norm):
        by_query, by_key = _by_query(query, pieces), _by_key(key, pieces)
        similarities = norm(torch.cat([query @ key, by_query, by_key], dim=1).squeeze(2))
        return similarities.unflatten(1, (3, -1)).sum(1).unsqueeze(2)
    for_content, for_query, for_key = _similarity_scale(pieces, norm).view(3, -1, 1, 1, 1)
    logits = (query * for_content) @ key
    logits += _by_query(query * for_query, pieces)
    logits += _by_key(key * for_key, pieces)
    return logits


def _by_query(query: Tensor, pieces: Pieces) -> Tensor:
    """Similarities of queries to relative positions, (B, G, P, A, T)."""
    return by_position(_rows_by_position(query), pieces.query_table.mT)


def _by_key(key: Tensor, pieces: Pieces) -> Tensor:
    """Similarities of keys to relative positions, (B, G, P, A, T)."""
    return by_position(_rows_by_position(key.mT), pieces.key_table.mT).mT


def _rows_by_position(x: Tensor) -> Tensor:
    """Lays (B, G, P, A, D) out with the positions slowest: matrix products of other layouts are done one by one."""
    return x.permute(3, 0, 1, 2, 4).contiguous().permute(1, 2, 3, 0, 4)


def _statistics_are_cheap(query: Tensor, norm: nn.BatchNorm2d) -> bool:
    """Tells whether to hold the similarities and normalise them as they are: on short lines, or across devices."""
    if norm.weight.dtype != query.dtype:
        return False
    return isinstance(norm, nn.SyncBatchNorm) or query.shape[3] < max(_GRAM_LENGTH, _GRAM_RATIO * query.shape[4])


def _similarity_scale(pieces: Pieces, norm: nn.BatchNorm2d) -> Tensor:
    """Factors (3, G) that batch normalisation puts on the similarities; training updates its running statistics.

    What it adds to them is the same for all keys of a query, so that softmax ignores it: the bias stays in the graph
    with its gradient, zero, which distributed training waits for.
    """
    if norm.training:
        mean, variance, count = _moments(pieces)
        with torch.no_grad():
            norm.num_batches_tracked += 1
            momentum = norm.momentum if norm.momentum is not None else 1 / norm.num_batches_tracked
            unbiased = variance * (count / (count - 1).clamp(min=1))
            for running, now in ((norm.running_mean, mean), (norm.running_var, unbiased)):
                running.copy_(running + momentum * (now.flatten().to(running.dtype) - running))
        variance = variance.flatten()
    else:
        variance = norm.running_var
    wide = pieces.query.dtype
    return norm.weight.to(wide) * (variance.to(wide) + norm.eps).rsqrt() + 0 * norm.bias


def _moments(pieces: Pieces) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (3, G) of the three similarities over the pairs that attend, and the number of pairs.

    A sum of squared products is a product of Gram matrices: sum_ij (q_i k_j)^2 = <sum_i q_i q_i', sum_j k_j k_j'>,
    so that the similarities themselves need not be held.
    """
    query, key, valid = pieces.query, pieces.key, pieces.valid
    seen = query.new_ones(1, query.shape[3], key.shape[4]) if valid is None else valid.to(query.dtype)
    count = seen.sum() * query.shape[0]
    if valid is None:
        first = (query.sum(3) * key.sum(4)).sum((0, 2, 3))
        second = (_gram(query) * _gram(key.mT)).sum((0, 2, 3, 4))
    else:
        products = (query @ key).mul_(seen)
        first, second = products.sum((0, 2, 3, 4)), products.square().sum((0, 2, 3, 4))
    query_seen = pieces.query_table * seen.unsqueeze(-1)  # (P, A, T, D)
    key_seen = pieces.key_table * seen.mT.unsqueeze(-1)  # (P, T, A, D)
    query_gram = _gram(query.permute(1, 2, 3, 0, 4).contiguous())
    key_gram = _gram(key.permute(1, 2, 4, 0, 3).contiguous())
    firsts = torch.stack(
        [
            first,
            torch.einsum('gpad,pad->g', query.sum(0), query_seen.sum(2)),
            torch.einsum('gpdt,ptd->g', key.sum(0), key_seen.sum(2)),
        ]
    )
    seconds = torch.stack(
        [
            second,
            torch.einsum('gpacd,pacd->g', query_gram, query_seen.mT @ pieces.query_table),
            torch.einsum('gptcd,ptcd->g', key_gram, key_seen.mT @ pieces.key_table),
        ]
    )
    mean = firsts / count
    return mean, (seconds / count - mean.square()).clamp(min=0), count


def _gram(x: Tensor) -> Tensor:
    """Sums of products of all pairs of columns, (…, rows, columns) to (…, columns, columns)."""
    return x.mT @ x
