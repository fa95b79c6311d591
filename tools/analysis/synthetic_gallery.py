"""Draws synthetic sections, beside real tiles where there are some, with thin salt outlines.

python tools/analysis/synthetic_gallery.py gallery.png
python tools/analysis/synthetic_gallery.py gallery.png --data data/salt    # a folder or archive in the TGS layout
"""

from mmattn.cli.command_line import ToolParser, check_file, run_tool
from mmattn.common.errors import InputError, one_line
from mmattn.seismic.synthetic import SyntheticSurvey
from mmattn.seismic.synthetic.comparison import read_tgs_sample, save_gallery


def main() -> None:
    """Draws the picture and prints its path."""
    parser = ToolParser(__doc__)
    parser.add_argument('out', help='PNG to write')
    parser.add_argument('--data', help='folder or archive in the TGS layout to draw beside')
    parser.add_argument('--sections', type=int, default=25)
    parser.add_argument('--size', type=int, nargs=2, default=(101, 101), metavar=('H', 'W'))
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    check_file('out', args.out)
    if args.sections < 1:
        parser.error(f'--sections must be at least 1, got {args.sections}')
    try:
        survey = SyntheticSurvey(tuple(args.size), seed=args.seed)
        sections = [survey.section(index) for index in range(args.sections)]
        groups = {'synthetic': ([section.image for section in sections], [section.mask for section in sections])}
        if args.data:
            groups['TGS'] = read_tgs_sample(args.data, args.sections, seed=args.seed)
        print(save_gallery(args.out, groups))
    except (OSError, ValueError) as error:
        raise InputError(one_line(error)) from error


if __name__ == '__main__':
    run_tool(main)
