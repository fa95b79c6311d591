"""Trains an experiment.

python tools/train.py configs/ccnet_salt.py [--work-dir DIR] [--resume] [--amp] [--cfg-options key=value …]
"""

import argparse
import os

from mmengine.config import DictAction

from mmattn.engine.launch import build_runner, choose_work_dir, fit_to_device, load_config, run_tool


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description='Train a segmentor.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='where logs, pictures and checkpoints go; work_dirs/NAME_OF_CONFIG by default'
    )
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint in the work directory')
    parser.add_argument('--amp', action='store_true', help='mixed precision, on a GPU')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value, key="[a,b]"')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    """Trains."""
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.resume = args.resume
    choose_work_dir(config, args.config, args.work_dir)
    fit_to_device(config, amp=args.amp)
    build_runner(config, args.config, 'train_loop', 'val_loop').train()


if __name__ == '__main__':
    run_tool(main)
