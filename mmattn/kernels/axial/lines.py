"""Lines of a map cut into pieces, so that local axial attention needs memory for the keys in reach only.

Shapes: B lines (rows or columns of all images), G heads, L positions on a line, D channels of a query or key, V of
a value; lines are cut into P pieces of A queries, each with the T keys it sees (one piece where attention is global,
or where a line is so short that pieces would not be leaner).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.kernels.context import is_exporting

_MIN_PIECE = 16  # queries cut off at a time, where the span is narrower
_WHOLE_UP_TO = 2  # windows of keys up to which a line stays whole: pieces copy each key and value into their windows


class Pieces(NamedTuple):
    """Lines cut into pieces, and the relative positions from queries to keys within each."""

    query: Tensor  # (B, G, P, A, D)
    key: Tensor  # (B, G, P, D, T)
    value: Tensor  # (B, G, P, V, T)
    query_table: Tensor  # (A, T, D)
    key_table: Tensor  # (T, A, D)
    value_table: Tensor  # (A, T, V)
    valid: Tensor | None  # (P, A, T), False for keys that a query does not see; None where it sees all


def cut_lines(query: Tensor, key: Tensor, value: Tensor, relative: Tensor, span: int) -> Pieces:
    """Cuts long lines into pieces; on short ones, and in an exported graph, keys beyond the span are masked instead.

    Args:
        query: (B, G, D, L).
        key: (B, G, D, L).
        value: (B, G, V, L).
        relative: (2 D + V, 2 K - 1), embeddings of the offsets 1 - K to K - 1 for queries, keys and values.
        span: number of keys around a query that it sees, on lines longer than K.
    """
    length, depth, reach = query.shape[-1], query.shape[2], relative.shape[1] // 2
    left, right = (span - 1) // 2, span // 2
    piece = max(right, _MIN_PIECE)
    query, valid = query.mT, None
    if is_exporting() or length <= max(reach + 1, _WHOLE_UP_TO * (piece + span - 1)):
        query, key, value = query.unsqueeze(2), key.unsqueeze(2), value.unsqueeze(2)
        positions = torch.arange(length, device=query.device)
        ahead = positions - positions[:, None]
        if is_exporting():  # one graph for all lengths
            table_holds_all = torch.full_like(ahead, reach + 1) >= length
            valid = (table_holds_all | ((ahead >= -left) & (ahead <= right))).unsqueeze(0)
        elif length > max(reach, left) + 1:
            valid = ((ahead >= -left) & (ahead <= right)).unsqueeze(0)
    else:
        fill = -length % piece
        query = F.pad(query, (0, 0, 0, fill)).unflatten(2, (-1, piece))
        key, value = (
            F.pad(x, (left, fill + right)).unfold(-1, piece + span - 1, piece).transpose(2, 3) for x in (key, value)
        )
        ahead, valid = _windows(length, piece, span, query.device)
    return Pieces(query, key, value, *_tables(relative, ahead, depth, query.dtype, value.dtype), valid)


def _tables(
    relative: Tensor, ahead: Tensor, depth: int, wide: torch.dtype, narrow: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Looks the relative positions of all pairs up, as ``Pieces`` has them.

    Args:
        relative: (2 D + V, 2 K - 1).
        ahead: (A, T), how far ahead of its query each key is; beyond the table its outermost offset counts.
        depth: D.
        wide: dtype of queries and keys.
        narrow: dtype of values.
    """
    reach, rows = relative.shape[1] // 2, relative.T
    ahead = ahead.clamp(-reach, reach)
    behind, before = ((reach + x).flatten() for x in (-ahead, ahead.T))
    query_table = rows[:, :depth].to(wide).index_select(0, behind).unflatten(0, ahead.shape)
    key_table = rows[:, depth : 2 * depth].to(wide).index_select(0, before).unflatten(0, ahead.T.shape)
    value_table = rows[:, 2 * depth :].to(narrow).index_select(0, behind).unflatten(0, ahead.shape)
    return query_table, key_table, value_table


def _windows(length: int, piece: int, span: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns how far ahead of its query each key of a window is, (A, T), and which pairs attend, (P, A, T)."""
    left = (span - 1) // 2
    ahead = torch.arange(-left, piece + span // 2, device=device) - torch.arange(piece, device=device)[:, None]
    first = torch.arange(0, length, piece, device=device)[:, None, None]
    query_position = first + torch.arange(piece, device=device)[:, None]
    key_position = query_position + ahead
    seen = (ahead >= -left) & (ahead <= span // 2)
    return ahead, seen & (query_position < length) & (key_position >= 0) & (key_position < length)


def is_itself(valid: Tensor, span: int) -> Tensor:
    """Marks the pairs of a query and its own position, (A, T)."""
    left = 0 if valid.shape[1] == valid.shape[2] else (span - 1) // 2
    return torch.ones_like(valid[0]).tril(left).triu(left)
