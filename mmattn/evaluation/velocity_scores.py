"""How well velocity models are predicted, and salt in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

LINEAR = 1600.0, 3400.0  # m/s at the top and at the bottom of the trivial baseline
_WINDOW = 11


@dataclass(frozen=True)
class VelocityScore:
    """Sums over one model, small enough to travel between processes.

    Attributes:
        absolute: sum of absolute differences, m/s; of all cells, of salt, outside of it, below it.
        cells: how many cells each of these four are.
        squared: sum of squared differences.
        relative: L2 norm of the difference over that of the truth.
        ssim: mean structural similarity; NaN for models below 11 x 11.
        overlap: cells of true and predicted salt; of both, of the truth, of the prediction.
    """

    absolute: tuple[float, float, float, float]
    cells: tuple[int, int, int, int]
    squared: float
    relative: float
    ssim: float
    overlap: tuple[int, int, int]


def score_velocity(
    prediction: np.ndarray,
    truth: np.ndarray,
    *,
    predicted_salt: np.ndarray,
    salt: np.ndarray,
    velocity_range: tuple[float, float],
    like: str = 'wang',
) -> VelocityScore:
    """Scores one model; all arrays are (H, W), velocities in m/s, salt 1 and other cells 0.

    Args:
        prediction: velocity.
        truth: velocity.
        predicted_salt: where salt was predicted.
        salt: where it is.
        velocity_range: m/s, whose width is SSIM's range.
        like: 'wang' or 'openfwi', see ``ssim``.

    Raises:
        ValueError: if the shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f'the prediction is {prediction.shape}, the model {truth.shape}')
    difference = prediction.astype(np.float64) - truth
    inside, found = salt > 0, predicted_salt > 0
    below = np.maximum.accumulate(inside, axis=0) & ~inside
    regions = np.ones_like(inside), inside, ~inside, below
    return VelocityScore(
        tuple(float(np.abs(difference[region]).sum()) for region in regions),
        tuple(int(region.sum()) for region in regions),
        float((difference**2).sum()),
        float(np.linalg.norm(difference) / np.linalg.norm(truth.astype(np.float64))),
        ssim(prediction, truth, velocity_range=velocity_range, like=like),
        (int((inside & found).sum()), int(inside.sum()), int(found.sum())),
    )


def ssim(
    prediction: np.ndarray, truth: np.ndarray, *, velocity_range: tuple[float, float], like: str = 'wang'
) -> float:
    """Mean structural similarity of two maps: Wang et al., IEEE TIP 13(4), 2004.

    Gaussian window of 11 x 11 and standard deviation 1.5, K 0.01 and 0.03, range the width of ``velocity_range``.

    Args:
        prediction: (H, W), m/s.
        truth: (H, W), m/s.
        velocity_range: the range's ends.
        like: 'wang' takes windows inside the map alone; 'openfwi' all of them, on maps scaled to [0, 1] and padded with
            zeros, as OpenFWI's published code does.

    Returns:
        NaN for maps below 11 x 11.
    """
    low, high = velocity_range
    maps = [(np.asarray(array, np.float64) - low) / (high - low) for array in (prediction, truth)]
    if min(maps[0].shape) < _WINDOW:
        return float('nan')
    if like == 'wang':
        options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
        return float(structural_similarity(*maps, **options))
    position = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(position**2) / (2 * 1.5**2))
    window /= window.sum()

    def smooth(array: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(array, window, axis=0, mode='constant'), window, axis=1, mode='constant')

    x, y = maps
    mean_x, mean_y = smooth(x), smooth(y)
    variances = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    return float(np.mean(similarity / ((mean_x**2 + mean_y**2 + 1e-4) * (variances + 9e-4))))


def total_velocity_scores(scores: Sequence[VelocityScore], velocity_range: tuple[float, float]) -> dict[str, float]:
    """Combines the scores of a set.

    Returns:
        ``mae``, ``rmse`` (m/s, over all cells), ``rel_l2``, ``ssim`` (means over models), ``salt_iou``, ``salt_dice``
        (over the set; NaN where neither truth nor prediction has salt), ``mae_salt``, ``mae_outside``, ``mae_below``
        (m/s; NaN where there are no such cells) and ``openfwi_mae``, MAE over half the range's width.
    """
    absolute = np.sum([score.absolute for score in scores], axis=0)
    cells = np.sum([score.cells for score in scores], axis=0)
    both, true, found = np.sum([score.overlap for score in scores], axis=0)
    errors = [float(total / count) if count else float('nan') for total, count in zip(absolute, cells)]
    union = true + found - both
    half = (velocity_range[1] - velocity_range[0]) / 2
    return dict(
        mae=errors[0],
        rmse=float(np.sqrt(sum(score.squared for score in scores) / cells[0])),
        rel_l2=float(np.mean([score.relative for score in scores])),
        ssim=float(np.mean([score.ssim for score in scores])),
        salt_iou=float(both / union) if union else float('nan'),
        salt_dice=float(2 * both / (true + found)) if union else float('nan'),
        mae_salt=errors[1],
        mae_outside=errors[2],
        mae_below=errors[3],
        openfwi_mae=errors[0] / half,
    )


def linear_model(shape: tuple[int, int], ends: tuple[float, float] = LINEAR) -> np.ndarray:
    """A velocity that rises linearly from the first row to the last, (H, W) float32."""
    return np.repeat(np.linspace(*ends, shape[0], dtype=np.float32)[:, None], shape[1], axis=1)
