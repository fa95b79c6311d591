"""Synthetic volumes: the same scene cut on many inlines, with bodies, horizons and faults that continue across them."""

from collections.abc import Iterator

import numpy as np

from mmattn.common.checks import check_number, check_shape, check_whole
from mmattn.seismic.synthetic.grid import get_grid
from mmattn.seismic.synthetic.options import SHORTEST_WAVELENGTH, SMALLEST_SIZE
from mmattn.seismic.synthetic.scene import Scene

_SCENE, _INLINE = 1, 2  # what a random stream is for


def make_volume(
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    salt_coverage: float = 0.25,
    wavelength: float = 14.0,
    hard_negatives: bool = True,
    noise: float = 1.0,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Makes a volume inline by inline.

    Beside the result (5 bytes a voxel) it needs one inline's working arrays and the coefficients of the random fields,
    which take less than a tenth of the result at the default wavelength, so ``out`` may hold memory-mapped files that
    are larger than the memory.

    Args:
        shape: (inlines, crosslines, samples); at least 1 inline and 16 of the others.
        seed: Of the volume, from 0.
        salt_coverage: Share of the voxels that are salt, 0 to 1; met within some hundredths.
        wavelength: Dominant wavelength in samples, 4 to 200.
        hard_negatives: Whether there is a zone that may be taken for salt.
        noise: Factor on all noise, 0 to 10.
        out: Arrays of that shape to fill, amplitude of a floating type and label of an integer type.

    Returns:
        Amplitude float32 about zero, -1 to 1 except for peaks, and label uint8 with salt 1, each of the given shape.

    Raises:
        TypeError: An option of the wrong kind.
        ValueError: An option out of its range, or ``out`` of another shape.
    """
    inlines = iterate_inlines(
        shape,
        seed=seed,
        salt_coverage=salt_coverage,
        wavelength=wavelength,
        hard_negatives=hard_negatives,
        noise=noise,
    )
    if out is None:
        out = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    amplitude, label = out
    if amplitude.shape != tuple(shape) or label.shape != tuple(shape):
        raise ValueError(f'out must be two arrays of shape {tuple(shape)}, got {amplitude.shape} and {label.shape}')
    for number, (section, mask) in enumerate(inlines):
        amplitude[number], label[number] = section, mask
    return amplitude, label


def iterate_inlines(
    shape: tuple[int, int, int],
    *,
    seed: int = 0,
    salt_coverage: float = 0.25,
    wavelength: float = 14.0,
    hard_negatives: bool = True,
    noise: float = 1.0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Makes the volume of ``make_volume`` one inline at a time; options are checked at the call.

    Args:
        shape, seed, salt_coverage, wavelength, hard_negatives, noise: As in :func:`make_volume`.

    Returns:
        Iterator over the inlines: amplitude float32 and label uint8, each (crosslines, samples).

    Raises:
        TypeError: An option of the wrong kind.
        ValueError: An option out of its range.
    """
    inlines, crosslines, samples = check_shape('shape', shape, smallest=(1, SMALLEST_SIZE, SMALLEST_SIZE))
    seed = check_whole('seed', seed)
    if not isinstance(hard_negatives, bool):
        raise TypeError(f'hard_negatives must be True or False, got {hard_negatives!r}')
    wavelength = check_number('wavelength', wavelength, low=SHORTEST_WAVELENGTH, high=200.0)
    scene = Scene(
        np.random.default_rng([seed, 0, _SCENE]),
        get_grid(samples, crosslines, wavelength),
        inlines=inlines,
        wavelength=wavelength,
        coverage=check_number('salt_coverage', salt_coverage, low=0, high=1),
        distracted=hard_negatives,
        noise=check_number('noise', noise, low=0, high=10),
    )
    return _render_all(scene, inlines, seed)


def _render_all(scene: Scene, inlines: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    def render(inline: int) -> tuple[np.ndarray, np.ndarray]:
        return scene.render(inline, np.random.default_rng([seed, inline, _INLINE]))

    trial = range(0, inlines, max(1, inlines // 5))
    scale = max(1e-6, *(float(np.abs(render(inline)[0]).max()) for inline in trial))
    for inline in range(inlines):
        section, mask = render(inline)
        yield section.T / np.float32(scale), mask.T
