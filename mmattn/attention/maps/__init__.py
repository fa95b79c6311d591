"""What attention layers see: the weights of one position, and gates, recomputed without the matrix of all pairs.

``attention_maps`` takes a layer and its input, ``AttentionWatch`` a network around any number of layers. Each mechanism
has a function in ``pairs`` (weights that a position gives to others) or ``gates`` (what features are multiplied by).
"""

from mmattn.attention.maps import gates, pairs  # noqa: F401  they register the mechanisms
from mmattn.attention.maps.core import AttentionMap, Place, attention_maps, has_maps, maps_of
from mmattn.attention.maps.watching import AttentionWatch, SeenAttention

__all__ = [
    'AttentionMap',
    'AttentionWatch',
    'Place',
    'SeenAttention',
    'attention_maps',
    'has_maps',
    'maps_of',
]
