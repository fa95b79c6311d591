"""Addresses of sections: anything that is in one comes back from its text."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmattn.datasets.segy_sections import SectionAddress
from mmattn.seismic.volumes.labels import LabelValues

FLOATS = st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=['Cs']), min_size=1, max_size=12)
OPTIONS = st.dictionaries(
    st.sampled_from(['iline', 'endian', 'null_value', 'x']),
    st.one_of(
        st.integers(),
        FLOATS,
        st.booleans(),
        st.none(),
        NAMES,
        st.lists(FLOATS, max_size=3).map(tuple),
        st.just('189:int16'),
    ),
    max_size=3,
)
VALUES = st.builds(LabelValues, st.none() | st.lists(FLOATS, min_size=1, max_size=3) | FLOATS.map('>{!r}'.format))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(FLOATS, NAMES, NAMES, OPTIONS, VALUES)
@example(1e16, 'a.sgy', 'a', {}, LabelValues())
@example(1e17, 'a.sgy', 'a', {}, LabelValues())
@example(3.4e38, 'a+b &=%.sgy', 'a+b/c?', dict(null_value=(1e30, -999.25)), LabelValues('>1e+20', ignore_value=[]))
@example(np.float64(2.5e-20), 'a', 'a', {}, LabelValues(ignore_value=[1e30, 255]))
def test_addresses_survive_the_round_trip(clip: float, path: str, name: str, options: dict, values: LabelValues):
    address = SectionAddress(f'/x/{path}', 'xline', 12, (3, 40), (0, 7), clip, options, values)
    assert SectionAddress.parse(address.format(name)) == address
    assert address.format(name).endswith('.png')
    assert address.format(name).count('/') == 3


@pytest.mark.parametrize('clip', [10.0**power for power in range(-45, 39)])
def test_clips_of_any_size_come_back(clip: float):
    parsed = SectionAddress.parse(SectionAddress('a', 'iline', 0, (0, 1), (0, 1), np.float32(clip)).format('n'))
    assert math.isclose(parsed.clip, float(np.float32(clip)), rel_tol=0)


@pytest.mark.parametrize('text', ['segy://a', 'a.png', 'segy://direction=iline/a.png', 'segy://clip=1e+17&x/a.png'])
def test_what_is_no_address_is_said(text: str):
    with pytest.raises(ValueError, match='is no section of a volume'):
        SectionAddress.parse(text)
