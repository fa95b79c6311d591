"""Shows that the synthetic survey is no toy: what one threshold on one attribute reaches.

python tools/analysis/synthetic_baselines.py --sections 500 --seed 0
python tools/analysis/synthetic_baselines.py --data data/salt    # the same table for tiles in the TGS layout

Amplitudes are counted from the section's median grey. Each attribute is split by Otsu's threshold section by section;
either side is taken as salt, and the better of the two over the whole set counts. Intersection and union are summed
over all sections. The speed and statistics of the tiles are printed too.
"""

import argparse
import time

import numpy as np

from mmattn.cli.command_line import ToolParser, run_tool
from mmattn.common.errors import InputError, one_line
from mmattn.seismic.synthetic import SyntheticSurvey
from mmattn.seismic.synthetic.baselines import otsu_iou
from mmattn.seismic.synthetic.comparison import read_tgs_sample, salt_statistics, tile_statistics


def main() -> None:
    """Prints the table and, for synthetic sections, the speed."""
    parser = ToolParser(__doc__)
    parser.add_argument('--sections', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, nargs=2, default=(101, 101), metavar=('H', 'W'))
    parser.add_argument('--data', help='folder or archive in the TGS layout to measure instead')
    args = parser.parse_args()
    if args.sections < 1:
        parser.error(f'--sections must be at least 1, got {args.sections}')
    try:
        images, masks = read_tgs_sample(args.data, args.sections, seed=args.seed) if args.data else make(args)
    except (OSError, ValueError) as error:
        raise InputError(one_line(error)) from error
    coverage = np.array([mask.mean() for mask in masks])
    print(f'{len(masks)} sections: {coverage.mean():.1%} salt, {np.mean(coverage == 0):.1%} of them without any')
    print(f'\n{"salt IoU, Otsu on":20s}{"salt high":>12s}{"salt low":>12s}{"better":>12s}')
    for name, (high, low) in otsu_iou([image - np.median(image) for image in images], masks).items():
        print(f'{name:20s}{high:12.3f}{low:12.3f}{max(high, low):12.3f}')
    print(f'{"all salt":20s}{coverage.mean():36.3f}')
    print(f'\n{"quantiles over tiles":28s}{"5 %":>10s}{"25 %":>10s}{"50 %":>10s}{"75 %":>10s}{"95 %":>10s}')
    statistics = tile_statistics(images) | salt_statistics(images, masks)
    for name, values in statistics.items():
        print(f'{name:28s}' + ''.join(f'{value:10.3g}' for value in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))))


def make(args: argparse.Namespace) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Makes the sections and prints how many a second of processor time."""
    survey = SyntheticSurvey(tuple(args.size), seed=args.seed)
    start = time.process_time()
    sections = [survey.section(index) for index in range(args.sections)]
    rate = args.sections / (time.process_time() - start)
    print(f'{rate:.0f} sections of {args.size[0]} x {args.size[1]} a second of processor time')
    sections = [section for section in sections if np.ptp(section.image) > 0]  # as those of TGS that are constant
    return [section.image for section in sections], [section.mask for section in sections]


if __name__ == '__main__':
    run_tool(main)
