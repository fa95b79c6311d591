import numpy as np
import pytest
import torch
from scipy.integrate import quad

from mmattn.seismic.shots import Acquisition, ricker
from mmattn.waves import propagation
from mmattn.waves.modelling import model_shots

pytest.importorskip('deepwave')


def surface(**changes) -> Acquisition:
    return Acquisition.surface(**(dict(width=24, num_shots=2, dx=30.0, dt=0.004, nt=60, frequency=6.0) | changes))


@pytest.fixture
def velocity() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (2000 + 400 * rng.random((16, 24)) + np.arange(16)[:, None] * 30).astype(np.float32)


def test_constant_velocity_gives_the_analytic_field():
    """The 2-D Green's function H(t - r/v) / (2 pi sqrt(t^2 - r^2/v^2)), Morse and Feshbach, 1953, section 7.3."""
    speed, distance, dt, nt, dx = 2000.0, 250.0, 0.002, 140, 10.0
    acquisition = Acquisition(dx=dx, dt=dt, nt=nt, sources=((25, 12),), receivers=((25, 37),), frequency=15.0)
    trace = model_shots(np.full((50, 50), speed), acquisition, accuracy=8, edge=30, warn=False)[0, :, 0]
    arrival = distance / speed

    def field(time: float) -> float:
        if time <= arrival:
            return 0.0
        # t - tau = arrival * cosh(u) takes the singularity away
        last = np.arccosh(time / arrival)

        def integrand(u: float) -> float:
            a = (np.pi * 15 * (time - arrival * np.cosh(u) - 0.1)) ** 2
            return (1 - 2 * a) * np.exp(-a)

        return -(dx**2) * quad(integrand, 0, last)[0] / (2 * np.pi)

    expected = np.array([field(step * dt) for step in range(nt)])
    assert np.linalg.norm(trace - expected) < 0.04 * np.linalg.norm(expected)
    assert ricker(15, nt, dt).argmax() == 50


def test_mirrored_model_gives_mirrored_gathers(velocity: np.ndarray):
    gathers = model_shots(velocity, surface(), warn=False)
    mirrored = model_shots(velocity[:, ::-1].copy(), surface(), warn=False)
    assert np.array_equal(mirrored[::-1, :, ::-1], gathers)
    assert gathers.shape == (2, 60, 24)


def test_memory_changes_nothing(velocity: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    acquisition = surface(num_shots=3)
    together = model_shots(velocity, acquisition, warn=False)
    monkeypatch.setattr('mmattn.waves.modelling.shots_at_once', lambda *args, **kwargs: 2)
    assert np.allclose(model_shots(velocity, acquisition, warn=False), together, rtol=1e-5, atol=1e-5)


def test_less_memory_means_fewer_shots():
    few = propagation.shots_at_once(surface(), (64, 96), 10, gradient=True)
    assert 1 <= few < propagation.shots_at_once(surface(), (64, 96), 10, gradient=False)
    assert propagation.shots_at_once(surface(nt=4000), (400, 600), 1, gradient=True) == 1


def test_gradient_is_that_of_finite_differences(velocity: np.ndarray):
    acquisition = surface(num_shots=1)
    model = torch.as_tensor(velocity, dtype=torch.float64).requires_grad_()
    weights = torch.as_tensor(np.random.default_rng(1).normal(size=(1, 60, 24)))

    def value(values: torch.Tensor) -> torch.Tensor:
        return (propagation.propagate(values, acquisition, [0], max_velocity=3500.0) * weights).sum()

    value(model).backward()
    for cell in ((3, 10), (8, 4)):
        changed = []
        for step in (0.5, -0.5):
            other = model.detach().clone()
            other[cell] += step
            changed.append(float(value(other)))
        assert float(model.grad[cell]) == pytest.approx(changed[0] - changed[1], rel=2e-3)


def test_free_surface_reflects(velocity: np.ndarray):
    absorbing = model_shots(velocity, surface(depth=4, nt=120), warn=False)
    free = model_shots(velocity, surface(depth=4, nt=120, free_surface=True), warn=False)
    assert np.array_equal(free[:, :5], absorbing[:, :5])  # before the reflection is back
    assert np.abs(free - absorbing).max() > 0.1 * np.abs(absorbing).max()


def test_few_cells_a_wavelength_and_short_traces(velocity: np.ndarray):
    with pytest.warns(UserWarning, match='too short for a reflection from the deepest row'):
        model_shots(velocity, surface(nt=20))
    with pytest.raises(ValueError, match='cells a wavelength at 25 Hz'):
        model_shots(velocity, surface(frequency=25.0))


def test_wrong_models(velocity: np.ndarray):
    with pytest.raises(ValueError, match='looks like km/s'):
        model_shots(velocity / 1000, surface())
    with pytest.raises(ValueError, match='zero and negative cells'):
        model_shots(-velocity, surface())
    with pytest.raises(ValueError, match='lies outside the model'):
        model_shots(velocity[:, :20], surface())


def test_deepwave_missing_or_old(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(propagation.metadata, 'version', lambda name: '0.0.27')
    with pytest.raises(ImportError, match=r'deepwave 0\.0\.27 is installed, at least 0\.1\.0 is needed: pip install'):
        propagation.get_deepwave()

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(propagation.importlib, 'import_module', missing)
    with pytest.raises(ImportError, match=r"need deepwave, which is not installed: pip install 'mmattn\[fwi\]'"):
        propagation.get_deepwave()
