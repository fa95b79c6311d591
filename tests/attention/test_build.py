"""Building attention layers by name."""

import pytest

from mmattn.attention import CrissCrossAttention, build_attention, list_attention


def test_builds_with_options():
    layer = build_attention('CrissCrossAttention', 8, recurrence=3)
    assert isinstance(layer, CrissCrossAttention)
    assert layer.recurrence == 3


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no attention layer 'Foo'; there are .*CrissCrossAttention"):
        build_attention('Foo', 8)


def test_list_is_sorted():
    assert list_attention() == sorted(list_attention())
