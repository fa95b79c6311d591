import numpy as np
import pytest

from mmattn.seismic.synthetic.velocity import VelocitySurvey


def test_a_model_follows_from_seed_and_index():
    first, again = VelocitySurvey(seed=3).model(7), VelocitySurvey(seed=3).model(7)
    assert np.array_equal(first.velocity, again.velocity)
    assert np.array_equal(first.salt, again.salt)
    assert (first.velocity.dtype, first.salt.dtype, first.velocity.shape) == (np.float32, np.uint8, (64, 96))
    assert not np.array_equal(first.velocity, VelocitySurvey(seed=4).model(7).velocity)


def test_what_is_in_the_models():
    models = [VelocitySurvey(seed=0).model(index) for index in range(100)]
    velocity, salt = np.stack([model.velocity for model in models]), np.stack([model.salt for model in models])
    assert velocity.min() >= 1500
    assert 4400 <= velocity[salt == 1].min() <= velocity[salt == 1].max() <= 4520
    assert not salt[:, :6].any()  # none above 180 m
    share = salt.mean(axis=(1, 2))
    assert 0.05 < (share == 0).mean() < 0.3
    assert 0.08 < share.mean() < 0.18
    assert share.max() < 0.3
    assert (velocity[salt == 0] > 3900).any()  # beds as fast as salt
    water = (velocity[:, 0] == 1500).all(axis=1).mean()
    assert 0.2 < water < 0.5
    slower = [(np.diff(model.velocity, axis=0)[model.salt[1:] + model.salt[:-1] == 0] < -20).any() for model in models]
    assert np.mean(slower) > 0.5


def test_no_salt_no_water_no_bed():
    survey = VelocitySurvey((40, 50), salt_probability=0, water_probability=0, fast_bed_probability=0)
    models = [survey.model(index) for index in range(10)]
    assert not any(model.salt.any() for model in models)
    assert max(model.velocity.max() for model in models) <= 3900


def test_a_finer_grid_has_the_same_gradient_in_metres():
    """A gradient a cell would make every finer model saturate."""

    def slope(dx: float) -> float:
        survey = VelocitySurvey((60, 60), dx=dx, salt_probability=0, fast_bed_probability=0, water_probability=0)
        profile = np.mean([survey.model(index).velocity.mean(axis=1) for index in range(60)], axis=0)
        return (profile[20] - profile[0]) / (20 * dx)

    assert slope(10) == pytest.approx(slope(20), rel=0.35)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(size=(8, 96)), 'size must be at least'),
        (dict(dx=0), 'dx must be from 1 to 200, got 0'),
        (dict(seed=-1), 'seed must be at least 0, got -1'),
        (dict(salt_probability=2), 'salt_probability must be from 0 to 1, got 2'),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        VelocitySurvey(**options)


def test_wrong_index():
    with pytest.raises(ValueError, match='index must be at least 0, got -1'):
        VelocitySurvey().model(-1)
