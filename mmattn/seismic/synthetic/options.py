"""Bounds and checks of the synthetic survey's options."""

from mmattn.common.checks import check_number

SHORTEST_WAVELENGTH = 4.0  # samples; below it the wavelet aliases
SMALLEST_SIZE = 16  # samples and traces


def check_wavelengths(value: tuple[float, float]) -> tuple[float, float]:
    """Returns the shortest and longest wavelength in samples; TypeError or ValueError otherwise."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f'wavelength must be two numbers, the shortest first, got {value!r}')
    low, high = (check_number('wavelength', length, low=SHORTEST_WAVELENGTH, high=200.0) for length in value)
    if low > high:
        raise ValueError(f'wavelength must be two numbers, the shortest first, got {value!r}')
    return low, high
