"""Pictures: that they exist, hold what they should, and refuse what they cannot draw."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mmattn.seismic.salt.overlays import (
    PREDICTION_COLOR,
    TRUTH_COLOR,
    OverlayPanel,
    draw_overlay,
    grey_limits,
    save_overlay_grid,
)


def tile(seed: int = 0, **arrays: np.ndarray) -> OverlayPanel:
    section = np.random.default_rng(seed).integers(0, 256, (101, 101), dtype=np.uint8)
    return OverlayPanel(section, title=f'tile {seed}', **arrays)


def half(rows: int) -> np.ndarray:
    mask = np.zeros((101, 101), np.uint8)
    mask[rows:] = 1
    return mask


def pixels(path: Path, color: str) -> int:
    """Counts the picture's pixels of one colour."""
    image = np.asarray(Image.open(path).convert('RGB')).astype(int)
    return int((np.abs(image - np.round(255 * np.array(to_rgb(color)))).max(axis=2) <= 3).sum())


@pytest.mark.parametrize(
    ('section', 'center', 'expected'),
    [
        (np.array([[28, 128], [29, 148]], np.uint8), None, (28, 228)),
        (np.array([[28, 128], [128, 148]], np.uint8), 100, (28, 172)),
        (np.array([[-3.0, 1.0]]), None, (-3, 3)),
        (np.array([[0.0, 0.25]]), None, (0, 1)),
        (np.array([[0.0, 255.0]]), None, (0, 256)),
        (np.array([[0, 40000]], np.uint16), None, (0, 65536)),
        (np.array([[np.nan, np.inf]]), None, (-1, 1)),
        (np.full((2, 2), 128, np.uint8), None, (127, 129)),
    ],
)
def test_grey_is_symmetric_about_zero_amplitude(section, center, expected):
    black, white = grey_limits(section, center=center)
    assert (black + white) / 2 == pytest.approx(sum(expected) / 2, abs=1e-9)
    assert white - black == pytest.approx(expected[1] - expected[0], rel=0.02)  # but for the share that is clipped


def test_rare_peaks_do_not_dim_the_section():
    section = np.random.default_rng(0).standard_normal((100, 100))
    section[0, 0] = 1e6
    assert grey_limits(section)[1] < 4


def test_overlay_grid_shows_both_outlines(tmp_path):
    panels = [tile(seed, truth=half(30), prediction=half(60), probability=half(60) * 0.9) for seed in range(3)]
    path = save_overlay_grid(panels, tmp_path / 'new' / 'grid.png', columns=2, title='three tiles')
    assert path == tmp_path / 'new' / 'grid.png'
    width, height = Image.open(path).size
    assert 1300 < width < 1700
    assert 600 < height < 800
    both = pixels(path, TRUTH_COLOR), pixels(path, PREDICTION_COLOR)
    assert min(both) > 500
    without = [OverlayPanel(panel.section, panel.probability, title=panel.title) for panel in panels]
    bare = save_overlay_grid(without, tmp_path / 'bare.png')
    assert (pixels(bare, TRUTH_COLOR), pixels(bare, PREDICTION_COLOR)) == (0, 0)


def test_outline_lies_on_the_border_of_the_mask():
    figure = draw_overlay(tile().section, truth=half(30), prediction=half(60), probability=half(60) * 1.0)
    _, outlines, probability = figure.axes[:3]
    assert [np.unique(line.get_ydata()).tolist() for line in outlines.lines] == [[29.5], [59.5]]
    assert [line.get_color() for line in outlines.lines] == [TRUTH_COLOR, PREDICTION_COLOR]
    assert [np.unique(line.get_ydata()).tolist() for line in probability.lines] == [[29.5]]
    np.testing.assert_array_equal(probability.images[0].get_array(), half(60))
    assert probability.images[0].get_clim() == (0, 1)


def test_views_follow_what_is_given():
    section = tile().section
    assert len(draw_overlay(section).axes) == 1
    assert len(draw_overlay(section, truth=half(30)).axes) == 2
    assert len(draw_overlay(section, probability=half(30) * 0.5).axes) == 3  # section, probability, colour bar
    figure = draw_overlay(section, truth=half(30), title='line 7', center=100)
    assert figure.axes[0].get_title(loc='left') == 'line 7'
    black, white = figure.axes[0].images[0].get_clim()
    assert (black + white) / 2 == pytest.approx(100)


def test_groups_are_headed_and_empty_ones_left_out(tmp_path):
    two = save_overlay_grid({'best': [tile(0), tile(1)], 'worst': [tile(2)], 'random': []}, tmp_path / 'two.png')
    three = save_overlay_grid({'best': [tile(0)], 'worst': [tile(1)], 'random': [tile(2)]}, tmp_path / 'three.png')
    assert Image.open(two).height > Image.open(three).height
    assert Image.open(two).width < Image.open(three).width


def test_sections_of_any_shape(tmp_path):
    for number, shape in enumerate([(1, 1), (1, 40), (400, 30), (30, 400)]):
        mask = np.zeros(shape, np.uint8)
        mask[shape[0] // 2 :] = 1
        panel = OverlayPanel(np.random.default_rng(0).standard_normal(shape), mask * 1.0, mask, mask)
        path = save_overlay_grid([panel], tmp_path / f'{number}.png')
        assert np.asarray(Image.open(path).convert('L')).std() > 10


def test_no_pyplot_state():
    draw_overlay(tile().section)
    pyplot = sys.modules.get('matplotlib.pyplot')
    assert pyplot is None or not pyplot.get_fignums()


def test_errors(tmp_path):
    section = tile().section
    with pytest.raises(ValueError, match=r'section must be \(H, W\), got \(1, 101, 101\)'):
        OverlayPanel(section[None])
    with pytest.raises(ValueError, match=r'truth must have the shape of the section \(101, 101\), got \(50, 101\)'):
        OverlayPanel(section, truth=half(3)[:50])
    with pytest.raises(ValueError, match='columns must be at least 1, got 0'):
        save_overlay_grid([tile()], tmp_path / 'a.png', columns=0)
    with pytest.raises(ValueError, match='save_overlay_grid needs at least one panel'):
        save_overlay_grid([], tmp_path / 'a.png')
