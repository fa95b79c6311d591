"""Whether volumes lie on one grid."""

import numpy as np

from mmattn.seismic.volumes.volume import Volume


def have_same_lines(first: Volume, second: Volume) -> bool:
    """Tells whether two volumes have one shape, and the same line numbers where both are numbered."""
    same = first.shape == second.shape
    if same and first.is_numbered and second.is_numbered:
        same = np.array_equal(first.ilines, second.ilines) and np.array_equal(first.xlines, second.xlines)
    return same


def check_grid(name: str, other: Volume, volume: Volume) -> None:
    """Raises ValueError, naming both grids, unless a volume has the lines and samples of another.

    Args:
        name: what ``other`` is, for the message.
        other: that has to fit.
        volume: whose grid counts.
    """
    same = have_same_lines(other, volume)
    if same and 'sample' not in (other.sample_unit, volume.sample_unit):
        same = other.sample_unit == volume.sample_unit
        same = same and np.allclose(other.samples, volume.samples, rtol=0, atol=0.1 * volume.sample_interval)
    if not same:
        raise ValueError(
            f'{name} {other.name} must be on the grid of {volume.name}, {_grid(volume)}; it has {_grid(other)}'
        )


def _grid(volume: Volume) -> str:
    lines = (
        f'{name} {numbers[0]} to {numbers[-1]}'
        for name, numbers in (('inlines', volume.ilines), ('crosslines', volume.xlines))
    )
    times = f'{volume.samples[0]:g} to {volume.samples[-1]:g} {volume.sample_unit}'
    return f'{" x ".join(map(str, volume.shape))} of {", ".join(lines)}, {times}'
