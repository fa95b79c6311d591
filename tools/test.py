"""Tests a trained model.

python tools/test.py configs/ccnet_salt.py CHECKPOINT [--tta] [--out DIR] [--cfg-options key=value …]
"""

import argparse

from mmattn.cli.command_line import ToolParser, check_folder, run_tool
from mmattn.cli.launch import (
    build_runner,
    check_fit,
    check_test_parts,
    choose_work_dir,
    fit_to_device,
    load_config,
    parse_launch,
    read_checkpoint,
    save_predictions,
    use_tta,
)
from mmattn.cli.running import run


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(description='Test a segmentor.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='folder for the predicted masks')
    parser.add_argument('--out-labels', help="folder for masks of 0 and 1, for MMSegmentation's analysis tools")
    parser.add_argument('--show-dir', help="folder for MMSegmentation's painted images")
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    return parse_launch(parser)


def main() -> None:
    """Tests."""
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    weights = read_checkpoint(args.checkpoint)
    config.load_from = args.checkpoint
    choose_work_dir(config, args.config, args.work_dir)
    for option, folder in (('--out', args.out), ('--out-labels', args.out_labels), ('--show-dir', args.show_dir)):
        if folder:
            check_folder(option, folder)
    check_test_parts(config, args.config)
    if args.show_dir:
        config.default_hooks.visualization.update(draw=True, interval=1)
        config.visualizer.save_dir = args.show_dir
    if args.tta:
        use_tta(config, args.config)
    if args.out:
        save_predictions(config, args.config, '--out', dict(output_dir=args.out, keep_results=True))
    if args.out_labels:
        save_predictions(config, args.config, '--out-labels', dict(label_dir=args.out_labels))
    fit_to_device(config)
    runner = build_runner(config, args.config, 'test_loop')
    check_fit(runner.model, weights, args.checkpoint)
    run(runner, 'test', args.config)


if __name__ == '__main__':
    run_tool(main)
