"""Tests a trained model.

python tools/test.py configs/ccnet_salt.py CHECKPOINT [--tta] [--out DIR] [--cfg-options key=value …]
"""

import argparse

from mmattn.cli.command_line import ToolParser, add_backend, check_folder, parse_launch, run_tool
from mmattn.common.errors import InputError


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file, or the name of one that comes with mmattn')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='folder for the predicted masks')
    parser.add_argument('--out-labels', help="folder for masks of 0 and 1, for MMSegmentation's analysis tools")
    parser.add_argument('--show-dir', help="folder for MMSegmentation's painted images")
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    add_backend(parser)
    return parse_launch(parser)


def main() -> None:
    """Tests."""
    args = parse_args()
    import torch  # after the options, so that --help comes at once

    from mmattn.cli import device, launch, saved_weights
    from mmattn.cli.running import run
    from mmattn.inference.backends import check_backend, run_by_backend

    config = launch.load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    try:
        check_backend(args.backend, 'cuda' if torch.cuda.is_available() else 'cpu')
    except ValueError as error:
        raise InputError(str(error)) from None
    weights = saved_weights.read_checkpoint(args.checkpoint)
    config.load_from = args.checkpoint
    launch.choose_work_dir(config, args.config, args.work_dir)
    for option, folder in (('--out', args.out), ('--out-labels', args.out_labels), ('--show-dir', args.show_dir)):
        if folder:
            check_folder(option, folder)
    launch.check_test_parts(config, args.config)
    if args.show_dir:
        config.default_hooks.visualization.update(draw=True, interval=1)
        config.visualizer.save_dir = args.show_dir
    if args.tta:
        launch.use_tta(config, args.config)
    if args.out:
        launch.save_predictions(config, args.config, '--out', dict(output_dir=args.out, keep_results=True))
    if args.out_labels:
        launch.save_predictions(config, args.config, '--out-labels', dict(label_dir=args.out_labels))
    device.fit_to_device(config)
    runner = launch.build_runner(config, args.config, 'test_loop')
    saved_weights.check_fit(runner.model, weights, args.checkpoint)
    run_by_backend(runner.model, args.backend)
    run(runner, 'test', args.config)


if __name__ == '__main__':
    run_tool(main)
