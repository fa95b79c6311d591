"""Shows that the synthetic survey is no toy: what one threshold on one attribute reaches.

python tools/analysis/synthetic_baselines.py --sections 500 --seed 0
python tools/analysis/synthetic_baselines.py --data data/salt          # the same table for a TGS folder or zip

Each attribute is split by Otsu's threshold section by section; either side is taken as salt and the better of the two over
the whole set is what counts. Intersection and union are summed over all sections.
"""

import argparse
import time

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.signal import hilbert
from skimage.filters import threshold_otsu

from mmattn.seismic.synthetic import SyntheticSurvey
from tools.analysis.tgs_tiles import read_tiles


def amplitude(section: np.ndarray) -> np.ndarray:
    """Absolute amplitude."""
    return np.abs(section)


def smoothed_envelope(section: np.ndarray) -> np.ndarray:
    """Instantaneous amplitude along depth, smoothed over about five samples."""
    return gaussian_filter(np.abs(hilbert(section, axis=0)), 5)


def local_variance(section: np.ndarray) -> np.ndarray:
    """Variance in windows of nine by nine samples."""
    return uniform_filter(section**2, 9) - uniform_filter(section, 9) ** 2


ATTRIBUTES = {'|amplitude|': amplitude, 'smoothed envelope': smoothed_envelope, 'local variance': local_variance}


def otsu_iou(sections: list[np.ndarray], masks: list[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Returns the pooled salt IoU of each attribute for salt above and salt below the threshold.

    Args:
        sections: Amplitudes about zero, float, (H, W) each.
        masks: Truths, 0 or 1, (H, W) each.
    """
    rows = {}
    for name, attribute in ATTRIBUTES.items():
        counts = np.zeros((2, 2))
        for section, mask in zip(sections, masks, strict=True):
            values = attribute(section)
            high = values > threshold_otsu(values) if np.ptp(values) > 1e-6 else np.zeros(values.shape, bool)
            for side, salt in enumerate((high, ~high)):
                counts[side] += (salt & (mask > 0)).sum(), (salt | (mask > 0)).sum()
        rows[name] = tuple(counts[:, 0] / counts[:, 1])
    return rows


def main() -> None:
    """Prints the table and, for synthetic sections, the speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sections', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, nargs=2, default=(101, 101), metavar=('H', 'W'))
    parser.add_argument('--data', help='TGS folder or zip to measure instead of the synthetic survey')
    args = parser.parse_args()
    if args.data:
        images, masks = read_tiles(args.data, limit=args.sections, seed=args.seed)
    else:
        survey = SyntheticSurvey(size=tuple(args.size), seed=args.seed)
        survey.section(0)
        start = time.process_time()
        sections = [survey.section(index) for index in range(args.sections)]
        seconds = time.process_time() - start
        images, masks = [s.image for s in sections], [s.mask for s in sections]
        print(f'{args.sections} sections of {args.size[0]} x {args.size[1]}: {args.sections / seconds:.0f} a second')
    print(f'salt coverage {np.mean([m.mean() for m in masks]):.3f}, empty {np.mean([not m.any() for m in masks]):.3f}')
    print(f'{"Otsu on":20s} {"salt high":>10s} {"salt low":>10s} {"best":>10s}')
    for name, (high, low) in otsu_iou([image.astype(float) - 128 for image in images], masks).items():
        print(f'{name:20s} {high:10.3f} {low:10.3f} {max(high, low):10.3f}')
    print(f'{"everything is salt":20s} {np.mean([m.mean() for m in masks]):10.3f}')


if __name__ == '__main__':
    main()
