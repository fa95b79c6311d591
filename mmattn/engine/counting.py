"""MMEngine's counter of multiply-adds (``mmengine.analysis``) counts PyTorch's fused attention too.

It follows a trace and knows products and convolutions. Our layers run by such operators while they are traced; fused
attention of other networks counted nothing. Like MMEngine's, the numbers are multiply-adds.
"""

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

from mmengine.analysis import complexity_analysis
from mmengine.analysis.jit_handles import get_shape


def count_attention() -> None:
    """Adds what MMEngine's counter lacks; what it has by then stays."""
    known = complexity_analysis._DEFAULT_SUPPORTED_FLOP_OPS
    for name, count in _HANDLES.items():
        known.setdefault(f'aten::{name}', count)


def _fused_attention(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter:
    """Counts (…, N, D) queries, (…, M, D) keys and (…, M, C) values: N M (D + C) for each of the leading axes."""
    query, key, value = (get_shape(x) for x in inputs[:3])
    pairs = prod(query[:-1]) * key[-2]
    return Counter(scaled_dot_product_attention=pairs * (query[-1] + value[-1]))


def _multi_head_attention(inputs: Sequence[Any], outputs: Sequence[Any]) -> Counter:
    """Counts the layer that ``nn.MultiheadAttention`` predicts by: (B, N, C) and (B, M, C), and four projections."""
    query, key = get_shape(inputs[0]), get_shape(inputs[1])
    batch, length, channels = query
    projections = 2 * batch * (length + key[1]) * channels**2
    return Counter(multi_head_attention=projections + 2 * batch * length * key[1] * channels)


_HANDLES = {
    'scaled_dot_product_attention': _fused_attention,
    '_native_multi_head_attention': _multi_head_attention,
}
