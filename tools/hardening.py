"""Tries to break what users rely on: kills, damaged inputs, hostile inputs; counts what was tried, survived and lost.

python tools/hardening.py kill|fuzz|hostile --minutes N [--out DIR] [--seed S]
python tools/hardening.py leaks                      # 2,000 predictions and 1,000 steps of training in flat memory

Failing inputs are kept in DIR/failed. Exit code 1 if anything was lost.
"""

import argparse
from pathlib import Path

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.common.errors import InputError
from mmattn.registration import register

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('campaign', choices=['kill', 'fuzz', 'hostile', 'leaks'])
    parser.add_argument('--minutes', type=float, default=1.0, help='that it takes')
    parser.add_argument('--out', type=Path, help='folder; work_dirs/hardening_CAMPAIGN by default')
    parser.add_argument('--seed', type=int, default=0, help='of what is drawn')
    parser.add_argument('--kinds', nargs='+', metavar='KIND', help='of inputs that fuzz tries: segy, archive, …; all')
    args = parser.parse_args()
    from mmattn.studies.hardening.fuzz import SHARES  # after the options, so that --help comes at once

    args.kinds = args.kinds or list(SHARES)
    if unknown := sorted(set(args.kinds) - set(SHARES)):
        parser.error(f'--kinds must be among {", ".join(SHARES)}, got {", ".join(unknown)}')
    return args


def main() -> int:
    """Runs a campaign."""
    args = parse_args()
    from mmattn.studies.hardening import Campaign, attack, fuzz, kill, watch_memory

    out = args.out or Path('work_dirs') / f'hardening_{args.campaign}'
    check_folder('--out', out)
    register()
    try:
        campaign = Campaign(out.resolve(), minutes=args.minutes, seed=args.seed)
    except ValueError as error:
        raise InputError(str(error)) from None
    try:
        if args.campaign == 'kill':
            kill(campaign, ROOT)
        elif args.campaign == 'leaks':
            watch_memory(campaign, ROOT)
        elif args.campaign == 'fuzz':
            fuzz(campaign, ROOT, tuple(args.kinds))
        else:
            attack(campaign, ROOT)
    finally:
        print(campaign.table())
    return 1 if campaign.lost else 0


if __name__ == '__main__':
    run_tool(main)
