"""Counts and statistics of a handful of tiles, against numpy on the raw pixels."""

import numpy as np
import pytest

from mmattn.seismic.tiles.statistics import is_vertical_only, read_survey, split_digest, survey_tiles
from mmattn.seismic.tiles.tgs import FoldRow


def _mask(*cells: tuple) -> np.ndarray:
    mask = np.zeros((8, 8), np.uint8)
    for cell in cells:
        mask[cell] = 1
    return mask


def test_vertical_edges_only():
    assert is_vertical_only(_mask(np.s_[:, 2:5]))
    assert not is_vertical_only(_mask())
    assert not is_vertical_only(_mask(np.s_[:, :]))
    assert not is_vertical_only(_mask(np.s_[:, 2:5], np.s_[0, 0]))


def test_counts_and_amplitudes():
    rng = np.random.default_rng(1)
    images = {name: rng.integers(0, 256, (8, 8), dtype=np.uint8) for name in 'abcd'} | {
        'k': np.full((8, 8), 9, np.uint8)
    }
    masks = {'a': _mask(), 'b': _mask(np.s_[1, 1]), 'c': _mask(np.s_[:, 3:]), 'd': _mask(np.s_[:, :]), 'k': _mask()}
    survey = survey_tiles(images, masks, {'a': 1.0})
    assert survey['counts'] == dict(
        tiles=5,
        empty_masks=2,
        constant_images=1,
        tiny_masks=1,
        full_masks=1,
        vertical_edge_only_masks=1,
        without_depth=4,
    )
    varied = np.stack([images[name] for name in 'abcd'])
    assert survey['amplitude']['mean'] == pytest.approx(varied.mean(), abs=1e-4)
    assert survey['amplitude']['std'] == pytest.approx(varied.std(), abs=1e-4)
    assert survey['amplitude']['percentiles']['50'] == np.percentile(varied, 50, method='inverted_cdf')
    assert survey['amplitude']['percentiles']['99'] == np.percentile(varied, 99, method='inverted_cdf')
    assert survey['coverage_mean'] == pytest.approx((0 + 1 / 64 + 5 / 8 + 1 + 0) / 5, abs=1e-6)
    assert survey['constant_ids'] == ['k']


def test_digest_is_of_the_split_alone():
    rows = {'a': FoldRow('g', 0, 0.5), 'b': FoldRow('g', 1, 0.5)}
    assert split_digest(rows) == split_digest({'b': FoldRow('h', 1, 0.1), 'a': rows['a']})
    assert split_digest(rows) != split_digest(rows | {'b': FoldRow('g', 0, 0.5)})


def test_broken_survey_is_refused(tmp_path):
    file = tmp_path / 'survey.json'
    file.write_text('{')
    with pytest.raises(ValueError, match=r'survey.json is not readable JSON'):
        read_survey(file)
    file.write_text('{}')
    with pytest.raises(ValueError, match='lacks counts, amplitude or constant_ids'):
        read_survey(file)
