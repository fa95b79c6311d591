"""Differences that are paired by seed and fold, and which of them are noise."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from mmattn.studies import Result
from mmattn.studies.differences import differences_picture, paired_differences
from mmattn.studies.summary import Row


def row(variant: str, values: dict[int, float] | list[float], **options: object) -> Row:
    values = values if isinstance(values, dict) else dict(enumerate(values))
    results = tuple(
        Result(variant, seed, 'finished', 1.0, dict(iou=value), **options) for seed, value in values.items()
    )
    return Row(variant, results, (), ())


def rows() -> list[Row]:
    base = np.array([0.50, 0.60, 0.55, 0.70, 0.65])
    clear = base + np.array([0.10, 0.11, 0.09, 0.10, 0.12])
    noisy = base + np.array([0.10, -0.09, 0.05, -0.02, 0.00])
    worse = base - np.array([0.10, 0.12, 0.13, 0.10, 0.11])
    return [row(name, one.tolist()) for name, one in dict(none=base, a=clear, b=noisy, c=worse).items()]


def test_pairs_are_taken_apart_from_what_the_seeds_share():
    clear, noisy, worse = paired_differences(rows(), 'iou', 'none').values()
    assert [one.verdict for one in (clear, noisy, worse)] == ['more', 'noise', 'less']
    assert clear.mean == pytest.approx(0.104)
    np.testing.assert_allclose(clear.values, [0.10, 0.11, 0.09, 0.10, 0.12])
    half = stats.t.ppf(0.975, 4) * np.std(clear.values, ddof=1) / 5**0.5
    assert (clear.low, clear.high) == pytest.approx((0.104 - half, 0.104 + half))


def test_more_comparisons_want_smaller_p():
    alone = paired_differences(rows()[:2], 'iou', 'none')['a'].p
    clear, noisy, worse = paired_differences(rows(), 'iou', 'none').values()
    raw = {name: stats.ttest_1samp(one.values, 0).pvalue for name, one in zip('abc', (clear, noisy, worse))}
    assert alone == pytest.approx(raw['a'])
    smallest, second, largest = sorted(raw, key=raw.get)
    adjusted = dict(a=clear.p, b=noisy.p, c=worse.p)
    assert adjusted[smallest] == pytest.approx(3 * raw[smallest])
    assert adjusted[second] == pytest.approx(max(2 * raw[second], 3 * raw[smallest]))
    assert adjusted[largest] == pytest.approx(raw[largest])


def test_what_has_no_pair():
    one = row('a', {1: 0.5, 7: 0.9})
    assert paired_differences([one], 'iou', 'none') == {}
    assert paired_differences([one, row('none', {2: 0.1})], 'iou', 'none') == {}
    assert paired_differences([one, row('none', [0.1, 0.2], fold=3)], 'iou', 'none') == {}
    (found,) = paired_differences([one, row('none', [0.1, 0.2])], 'iou', 'none').values()
    assert (found.values, found.low, found.p, found.verdict) == (pytest.approx((0.3,)), None, None, 'one pair')


@pytest.mark.parametrize(('shift', 'verdict'), [(0.0, 'noise'), (0.25, 'more'), (-0.25, 'less')])
def test_differences_without_scatter(shift: float, verdict: str):
    base, other = row('none', [0.5, 0.75]), row('a', [0.5 + shift, 0.75 + shift])
    (found,) = paired_differences([base, other], 'iou', 'none').values()
    assert (found.low, found.high, found.verdict) == (shift, shift, verdict)


def test_picture():
    with Image.open(
        io.BytesIO(differences_picture(paired_differences(rows(), 'iou', 'none').values(), 'iou', 'none', 't'))
    ) as png:
        colors = {color for _, color in png.convert('RGB').getcolors(1 << 20)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x99, 0x99, 0x99)} <= colors
