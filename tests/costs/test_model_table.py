"""The table of published networks: their costs, recounted from the papers' equations, and ours."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mmattn.costs.marked_text import markers
from mmattn.costs.model_table import (
    NAME,
    PUBLISHED,
    RECOUNTED,
    Published,
    Row,
    count_encoder,
    differences,
    make_row,
    make_table,
)
from mmattn.costs.published_heads import HeadShape, published_multiply_adds, published_unused_parameters

ROOT = Path(__file__).resolve().parents[2]
CONFIGS, DOCUMENT = ROOT / 'configs', ROOT / 'docs' / 'umixformer.md'
# Measured on the published code: millions of parameters, unused ones included, and thousands of millions of
# multiply-adds by mmengine's analysis, to a unit of the last digit: at 512 x 512, at 1024 x 2048 for Cityscapes.
MEASURED = {
    'ade20k/umixformer_mit-b0_160k': (6.14, 6.16),
    'ade20k/umixformer_lvt_160k': (6.50, 9.16),
    'ade20k/umixformer_mscan-t_160k': (6.72, 7.58),
    'ade20k/umixformer_mit-b1_160k': (24.05, 17.89),
    'ade20k/umixformer_mit-b2_160k': (35.85, 40.06),
    'ade20k/umixformer_mscan-s_160k': (24.35, 20.80),
    'ade20k/umixformer_mit-b3_160k': (55.72, 56.73),
    'ade20k/umixformer_mit-b4_160k': (72.49, 73.39),
    'ade20k/umixformer_mit-b5-640_160k': (93.09, 149.46),
    'ade20k/umixformer_mscan-b_160k': (37.17, 34.00),
    'cityscapes/umixformer_mit-b0_160k': (None, 101.65),
    'cityscapes/umixformer_lvt_160k': (None, 122.12),
    'cityscapes/umixformer_mscan-t_160k': (None, 54.8),
    'cityscapes/umixformer_mit-b1_160k': (None, 246.82),
    'cityscapes/umixformer_mit-b2_160k': (None, 514.66),
    'cityscapes/umixformer_mscan-s_160k': (None, 153.64),
    'cityscapes/umixformer_mit-b3_160k': (None, 673.1),
    'cityscapes/umixformer_mit-b4_160k': (None, 951.1),
    'cityscapes/umixformer_mscan-b_160k': (None, 259.2),
    'ade20k/feedformer_mit-b0_160k': (4.43, 7.84),
    'ade20k/feedformer_lvt_160k': (4.59, 10.09),
    'cityscapes/feedformer_mit-b0_160k': (4.50, 107.9),
}
QUICK = 'ade20k/umixformer_mit-b0_160k', 'cityscapes/umixformer_mscan-t_160k', 'cityscapes/feedformer_mit-b0_160k'


def check(row: Row) -> None:
    """Compares what was recounted with what was measured, and with what was published."""
    parameters, multiply_adds = MEASURED.get(row.name, (None, None))
    if parameters is not None:
        assert row.recounted_parameters / 1e6 == pytest.approx(parameters, abs=0.0055)
    if multiply_adds is not None:
        digits = len(str(multiply_adds).partition('.')[2])
        assert row.recounted / 1e9 == pytest.approx(multiply_adds, abs=0.55 * 10**-digits), row.name
    assert row.parameters < row.recounted_parameters
    assert row.multiply_adds < row.recounted
    published = row.published.multiply_adds
    if published and not row.published.plotted and row.name != 'cityscapes/umixformer_mscan-t_160k':
        assert row.recounted / 1e9 == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize('name', QUICK)
def test_a_published_network_costs_what_was_measured(name: str):
    row = make_row(CONFIGS / f'{name}.py')
    check(row)
    assert make_table([row]).splitlines()[-1] in DOCUMENT.read_text(encoding='utf-8').splitlines()


@pytest.mark.slow
def test_all_published_networks_cost_what_was_measured_and_documented():
    rows = [make_row(CONFIGS / f'{name}.py') for name in PUBLISHED]
    for row in rows:
        check(row)
    assert differences(DOCUMENT.read_text(encoding='utf-8'), make_table(rows)) == []


def test_published_parameters_of_the_heads():
    ade = HeadShape((32, 64, 160, 256), (1, 1, 1, 1), 128, 150)
    city = HeadShape((32, 64, 160, 256), (1, 1, 1, 1), 128, 19, reduced=True)
    assert published_unused_parameters('UMixFormerHead', ade) == 1_093_270
    assert published_unused_parameters('UMixFormerHead', city) == 1_055_507
    assert published_unused_parameters('FeedFormerHead', ade) == 19_350
    for count in (published_unused_parameters, published_multiply_adds):
        with pytest.raises(ValueError, match="head must be one of UMixFormerHead, FeedFormerHead, got 'FCNHead'"):
            count('FCNHead', ade)


def test_every_published_network_has_a_config_and_no_other_is_listed():
    there = {
        f'{path.parent.name}/{path.stem}'
        for data in ('ade20k', 'cityscapes')
        for head in ('umixformer', 'feedformer')
        for path in (CONFIGS / data).glob(f'{head}_*.py')
    }
    assert set(PUBLISHED) == there


def test_normalisations_count_by_their_elements():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.LayerNorm(5), nn.ReLU()).eval()
    assert count_encoder(network, torch.zeros(2, 3, 6, 5)) == (2 * 3 * 4 * 6 * 5, (2 + 5) * 2 * 4 * 6 * 5)


def test_other_networks_have_only_our_columns():
    row = make_row(CONFIGS / 'ccnet_salt.py')
    assert row.cells()[0] == '`configs/ccnet_salt`'
    assert [cell == '-' for cell in row.cells()] == [False, True, True, False, True, True, False, True]


def test_the_table_and_what_changed():
    row = Row('a/b', Published(6.1, 56.8, 49.8, plotted=True), 6_140_000, 5_040_000, 56_730_000_000, 45_150_000_000)
    table = make_table([row])
    assert table.splitlines()[-1] == '| `a/b` | ≈ 6.1 | 6.14 | 5.04 | ≈ 56.8 | 56.73 | 45.15 | ≈ 49.8 |'
    start, end = markers(NAME)
    text = f'above\n{start}\n{table}\n{end}\n'
    assert differences(text, table) == []
    changed = differences(text.replace('5.04', '5.05'), table)
    assert changed == [f'no longer {table.splitlines()[-1].replace("5.04", "5.05")}', f'now {table.splitlines()[-1]}']
    with pytest.raises(ValueError, match='the document has no lines <!-- model table: start -->'):
        differences('nothing', table)


@pytest.mark.parametrize('name', sorted(RECOUNTED))
def test_networks_of_224_pixels_cost_what_the_published_do(name: str):
    """But for the classifier, of one class here and nine there."""
    row = make_row(CONFIGS / f'{name}.py')
    assert row.parameters == pytest.approx(row.recounted_parameters, rel=2e-4)
    assert row.multiply_adds == pytest.approx(row.recounted, rel=1e-2)
