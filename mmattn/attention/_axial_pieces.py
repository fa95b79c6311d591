"""Lines of a map cut into pieces, so that local axial attention needs memory for the keys in reach only.

Shapes: B lines (rows or columns of all images), G heads, L positions on a line, D channels of a query or key, V of
a value; lines are cut into P pieces of A queries, each with the T keys it sees (one piece where attention is global).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmattn.attention._softmax_attention import is_exporting

_MIN_PIECE = 16  # queries cut off at a time, where the span is narrower


class Pieces(NamedTuple):
    """Lines cut into pieces, and the relative positions from queries to keys within each."""

    query: Tensor  # (B, G, P, A, D)
    key: Tensor  # (B, G, P, D, T)
    value: Tensor  # (B, G, P, V, T)
    query_table: Tensor  # (D, A, T)
    key_table: Tensor  # (D, A, T)
    value_table: Tensor  # (V, A, T)
    valid: Tensor | None  # (P, A, T), False for keys that a query does not see; None where it sees all


def cut_lines(query: Tensor, key: Tensor, value: Tensor, relative: Tensor, span: int) -> Pieces:
    """Cuts lines longer than the table into pieces; an exported graph masks the keys beyond the span instead.

    Args:
        query: (B, G, D, L).
        key: (B, G, D, L).
        value: (B, G, V, L).
        relative: (2 D + V, 2 K - 1), embeddings of the offsets 1 - K to K - 1 for queries, keys and values.
        span: number of keys around a query that it sees, on lines longer than K.
    """
    length, depth, reach = query.shape[-1], query.shape[2], relative.shape[1] // 2
    left, right = (span - 1) // 2, span // 2
    query, valid = query.mT, None
    if is_exporting() or length <= reach + 1:
        query, key, value = query.unsqueeze(2), key.unsqueeze(2), value.unsqueeze(2)
        positions = torch.arange(length, device=query.device)
        ahead = positions - positions[:, None]
        if is_exporting():  # one graph for all lengths
            table_holds_all = torch.full_like(ahead, reach + 1) >= length
            valid = (table_holds_all | ((ahead >= -left) & (ahead <= right))).unsqueeze(0)
    else:
        piece = max(right, _MIN_PIECE)
        fill = -length % piece
        query = F.pad(query, (0, 0, 0, fill)).unflatten(2, (-1, piece))
        key, value = (
            F.pad(x, (left, fill + right)).unfold(-1, piece + span - 1, piece).transpose(2, 3) for x in (key, value)
        )
        ahead, valid = _windows(length, piece, span, query.device)
    offsets = ahead.clamp(-reach, reach)
    tables = relative.index_select(1, (reach - offsets).flatten()).unflatten(1, offsets.shape)
    key_table = relative[depth : 2 * depth].index_select(1, (reach + offsets).flatten()).unflatten(1, offsets.shape)
    query_table, value_table = tables[:depth].to(query.dtype), tables[2 * depth :].to(value.dtype)
    return Pieces(query, key, value, query_table, key_table.to(query.dtype), value_table, valid)


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
