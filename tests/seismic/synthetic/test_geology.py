"""The parts of a synthetic scene: fields, bodies, imaging, and the label against the very geometry."""

import numpy as np
import pytest
from scipy.signal import hilbert

from mmattn.seismic.synthetic.bodies import SaltBody, draw_coverage
from mmattn.seismic.synthetic.fields import InlineAxis, SmoothCurve, SmoothField, gaussian_basis, multiply
from mmattn.seismic.synthetic.geology import LayerTable
from mmattn.seismic.synthetic.grid import get_grid
from mmattn.seismic.synthetic.imaging import PointSpread, ormsby_spectrum, ricker_spectrum
from mmattn.seismic.synthetic.noise import CoherentNoise, Gain
from mmattn.seismic.synthetic.scene import Scene


def make_scene(seed, *, size=(96, 96), coverage=0.4, noise=0.0, distracted=False, inlines=1):
    return Scene(
        np.random.default_rng(seed),
        get_grid(*size, 12.0),
        inlines=inlines,
        wavelength=12.0,
        coverage=coverage,
        distracted=distracted,
        noise=noise,
    )


def test_fields_have_unit_variance_and_their_scale():
    rng, x = np.random.default_rng(0), np.arange(400)
    values = SmoothField(rng, InlineAxis(), x, x, (5.0, 10.0)).at(0)
    assert values.shape == (400, 400)
    assert values.std() == pytest.approx(1, abs=0.1)

    def correlation(lag, axis):
        a, b = np.moveaxis(values, axis, 0)[lag:], np.moveaxis(values, axis, 0)[:-lag]
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    assert correlation(5, 0) == pytest.approx(np.exp(-((1 / 0.8) ** 2) / 4), abs=0.06)
    assert correlation(10, 1) == pytest.approx(correlation(5, 0), abs=0.1)


def test_basis_rows_have_unit_length():
    np.testing.assert_allclose((gaussian_basis(np.arange(-5, 60), 7.3) ** 2).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize('shape', [(7, 5, 6), (300, 200, 260), (40, 3000, 3)])
def test_blocked_product_is_the_product(shape):
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal(shape[:2]), rng.standard_normal(shape[1:])
    np.testing.assert_allclose(multiply(left, right), np.einsum('ij,jk->ik', left, right), atol=1e-10)


def test_inlines_change_smoothly():
    curve = SmoothCurve(np.random.default_rng(2), InlineAxis(200, 20.0), np.arange(50), 10.0)
    values = np.stack([curve.at(inline) for inline in range(200)])
    assert values.std() == pytest.approx(1, abs=0.25)
    assert np.corrcoef(values[1:].ravel(), values[:-1].ravel())[0, 1] > 0.99
    assert abs(np.corrcoef(values[80:].ravel(), values[:-80].ravel())[0, 1]) < 0.5


def test_layers_are_blocky_with_unit_variance():
    table = LayerTable(np.random.default_rng(3), wavelength=10.0, extent=400.0)
    values = table.at(np.arange(0, 400, 0.25, dtype=np.float32))
    assert values.std() == pytest.approx(1, abs=0.25)
    assert abs(values.mean()) < 0.3
    assert np.mean(np.diff(values) == 0) > 0.7


def test_layers_go_on_evenly_above_depth_zero():
    """Coordinates are cut to whole table entries; rounding towards zero would double the layer there."""
    table = LayerTable(np.random.default_rng(3), wavelength=8.0, extent=100.0)
    period = 256 * 8 / 16  # 200 entries needed, so 256
    coordinates = np.arange(-4, 4, 0.125, dtype=np.float32)
    np.testing.assert_array_equal(table.at(coordinates), table.at(coordinates + np.float32(period)))


def test_ricker_and_ormsby_spectra():
    k = np.array([0.0, 0.05, 0.1, 0.2])
    np.testing.assert_allclose(
        ricker_spectrum(k, peak=0.1), [0, 0.25 * np.exp(0.75), 1, 4 * np.exp(-3)], rtol=1e-6, atol=1e-9
    )
    k = np.array([0.0, 0.015, 0.05, 0.15, 0.3])
    np.testing.assert_allclose(ormsby_spectrum(k, corners=(0.01, 0.02, 0.1, 0.2)), [0, 0.5, 1, 0.5, 0], atol=1e-9)


@pytest.mark.parametrize('wavelength', [8.0, 16.0, 30.0])
def test_image_of_a_boundary_has_the_wavelength_and_lies_on_it(wavelength):
    """A step in impedance at depth 60 images as a wavelet there: its envelope peaks within a third of a wavelength."""
    for seed in range(8):
        grid = get_grid(121, 64, wavelength)
        step = np.broadcast_to((grid.z[:, None] >= 60), grid.shape).astype(np.float32)
        trace = grid.crop(PointSpread(np.random.default_rng(seed), grid, wavelength=wavelength)(step))[:, 32]
        trace = trace - trace.mean()
        window = slice(20, 100)
        peak = 20 + np.argmax(np.abs(hilbert(trace))[window])
        assert abs(peak - 60) < wavelength / 3


def test_imaging_is_linear_and_finite():
    grid = get_grid(50, 40, 10.0)
    image = PointSpread(np.random.default_rng(4), grid, wavelength=10.0)
    noise = np.random.default_rng(5).standard_normal(grid.shape, dtype=np.float32)
    assert image(noise).dtype == np.float32
    np.testing.assert_allclose(image(3 * noise), 3 * image(noise), rtol=1e-3, atol=1e-3)
    assert np.abs(image(np.ones(grid.shape, np.float32))).max() < 1e-4


def test_seam_of_the_margin_does_not_reach_the_tile():
    """Geology beyond the margin must not show: a step put at the padded border is weak in the tile."""
    for wavelength in (7.0, 16.0, 32.0):
        grid = get_grid(101, 101, wavelength)
        step = np.broadcast_to((grid.z[:, None] >= 50), grid.shape).astype(np.float32)  # and back at the border
        for seed in range(5):
            image = grid.crop(PointSpread(np.random.default_rng(seed), grid, wavelength=wavelength)(step))
            image = image - image.mean()
            assert np.abs(image[:3]).max() < 0.5 * np.abs(image[40:60]).max()


@pytest.mark.parametrize('coverage', [0.05, 0.4, 0.95])
def test_bodies_have_the_coverage_asked_for(coverage):
    grid = get_grid(101, 101, 12.0)
    for seed in range(25):
        body = SaltBody(
            np.random.default_rng(seed), grid, InlineAxis(), InlineAxis(), wavelength=12.0, coverage=coverage
        )
        assert (grid.crop(body.level(0)) > 0).mean() == pytest.approx(coverage, abs=0.02)


def test_bodies_touch_borders_or_lie_inside():
    grid, touching = get_grid(64, 64, 10.0), []
    for seed in range(200):
        body = SaltBody(np.random.default_rng(seed), grid, InlineAxis(), InlineAxis(), wavelength=10.0, coverage=0.15)
        salt = grid.crop(body.level(0)) > 0
        touching.append((salt[0].any(), salt[-1].any(), salt[:, 0].any(), salt[:, -1].any()))
    touching = np.array(touching)
    assert (touching.mean(axis=0) > 0.15).all()
    assert 0 < np.mean(~touching.any(axis=1)) < 0.2


def test_drawn_coverage_is_that_of_tgs():
    rng = np.random.default_rng(6)
    drawn = np.array([draw_coverage(rng) for _ in range(20000)])
    assert drawn.mean() == pytest.approx(0.405, abs=0.01)
    assert 0 < drawn.min() < 0.002
    assert np.mean(drawn < 0.05) == pytest.approx(0.177, abs=0.01)


def test_label_is_the_geometry():
    """Without noise the impedance is smooth inside the label and layered outside, right up to its border."""
    for seed in range(12):
        scene = make_scene(seed)
        model = scene.model(0)
        grid = get_grid(96, 96, 12.0)
        mask = scene.render(0, np.random.default_rng(0))[1].astype(bool)
        np.testing.assert_array_equal(mask, grid.crop(model.level) > 0)
        assert mask.mean() == pytest.approx(0.4, abs=0.02)
        impedance, level = grid.crop(model.impedance), grid.crop(model.level)
        jumps = np.abs(np.diff(impedance, axis=0))
        whole = (level[1:] > 0.5) & (level[:-1] > 0.5)
        assert jumps[whole].max() < 1.5
        sediment = (level[1:] < -0.5) & (level[:-1] < -0.5)
        assert np.percentile(jumps[sediment], 95) > 2 * np.percentile(jumps[whole], 95)


def test_layers_bend_up_at_salt():
    """Drag: taking the salt's uplift away changes the sediments near salt, and less so far away."""
    near, far = [], []
    for seed in range(20):
        scene = make_scene(seed, coverage=0.2)
        model = scene.model(0)
        uplift = scene._look.uplift(model.level, np.clip(model.level + 0.5, 0, 1))
        near.append(np.abs(uplift[(model.level < 0) & (model.level > -3)]).mean())
        far.append(uplift[model.level < -50].std() if (model.level < -50).any() else 0.0)
    assert np.mean(near) > 5
    assert np.mean(far) < np.mean(near)


def test_scene_without_noise_is_not_random():
    scene = make_scene(7)
    first, second = (scene.render(0, np.random.default_rng(seed))[0] for seed in (0, 1))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('kind', ['smile', 'linear'])
def test_coherent_noise_is_bounded_and_local(kind):
    grid = get_grid(80, 70, 10.0)
    noise = CoherentNoise(np.random.default_rng(8), grid, InlineAxis(), wavelength=10.0, kind=kind).at(0)
    assert noise.shape == grid.shape
    assert noise.std() > 0.05
    assert np.mean(noise == 0) > 0.05


def test_gain_is_positive_and_varies():
    gain = Gain(np.random.default_rng(9), get_grid(80, 70, 10.0), InlineAxis()).at(0)
    assert gain.min() > 0
    assert gain.std() > 0.01
