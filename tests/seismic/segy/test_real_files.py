"""Real crops and odd cases, where they are at hand: each opens or gives its clear error."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyError, copy_with_samples, open_volume

FOLDER = Path(__file__).resolve().parents[4] / 'shared' / 'data' / 'segy'
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason='shared/data/segy is not here')

VOLUMES = {
    'Format1msb.sgy': (23, 18, 75),
    'Format3msb.sgy': (23, 18, 75),
    'Format5msb.sgy': (23, 18, 75),
    'Format8msb.sgy': (23, 18, 75),
    'f3.sgy': (23, 18, 75),
    'f3-lsb.sgy': (23, 18, 75),
    'small.sgy': (5, 5, 50),
    'long.sgy': (1, 3, 60000),
}
ERRORS = {
    '1x1.sgy': 'the offset .* varies from 0 to 3: pre-stack gathers',
    '1xN.sgy': '24 traces lie at 6 places, and their offset .* from 0 to 3 there: pre-stack gathers',
    'Mx1.sgy': '24 traces lie at 6 places, and their offset .* from 0 to 3 there: pre-stack gathers',
    'small-ps.sgy': '24 traces lie at 12 places, and their offset .* from 1 to 2 there: pre-stack gathers',
    'shot-gather.sgy': '4 field records .* of up to 26 traces .*: shot gathers',
    'viking_small.segy': 'the offset .* varies from -3237 to -262: pre-stack gathers',
}


def test_the_tables_name_every_file():
    assert {path.name for path in FOLDER.iterdir()} == VOLUMES.keys() | ERRORS.keys()


@pytest.mark.parametrize('name', VOLUMES)
def test_opens(name: str, tmp_path: Path):
    volume = open_volume(FOLDER / name)
    assert volume.shape == VOLUMES[name]
    assert volume.live.all()
    assert_array_equal(volume.slab('xline', 0, 2)[..., 3].T, volume.section('time', 3)[:, :2])
    values = volume.slab('iline', 0, volume.shape[0])
    blocks = [(volume.trace_index.ravel(), values.reshape(-1, volume.shape[2]))]
    copy_with_samples(volume, tmp_path / name, blocks)
    assert_array_equal(open_volume(tmp_path / name).slab('iline', 0, volume.shape[0]), values)


@pytest.mark.parametrize('name', ERRORS)
def test_gives_its_error(name: str):
    with pytest.raises(SegyError, match=ERRORS[name]):
        open_volume(FOLDER / name)


def test_formats_and_byte_orders_agree():
    ours = {name: open_volume(FOLDER / name).slab('iline', 0, 23) for name in VOLUMES if VOLUMES[name][0] == 23}
    for name in ('Format1msb.sgy', 'Format3msb.sgy', 'Format5msb.sgy', 'f3-lsb.sgy'):
        assert_array_equal(ours[name], ours['f3.sgy'])
    assert np.abs(ours['f3.sgy']).max() == 10827
    f3 = open_volume(FOLDER / 'f3.sgy')
    assert (f3.ilines[0], f3.ilines[-1], f3.xlines[0], f3.xlines[-1]) == (111, 133, 875, 892)
    assert (f3.delay, f3.sample_interval) == (4.0, 4.0)
    assert f3.bin_size() == pytest.approx((25.0, 25.0), abs=0.01)
