"""Trains an experiment.

python tools/train.py configs/ccnet_salt.py [--work-dir DIR] [--resume] [--amp] [--augment-on-device]
                      [--checkpoint-every N] [--strategy fsdp] [--cfg-options key=value …]
"""

import argparse

from mmattn.cli.command_line import ON_DEVICE, ToolParser, parse_launch, run_tool


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file, or the name of one that comes with mmattn')
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint in the work directory')
    parser.add_argument(
        '--checkpoint-every',
        type=int,
        metavar='N',
        help='iterations between checkpoints within epochs',
    )
    parser.add_argument(
        '--strategy',
        choices=['ddp', 'fsdp'],
        default='ddp',
        help='of several processes: each holds the whole model, or a part of it (models that outgrow a device)',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument('--augment-on-device', action='store_true', help=ON_DEVICE)
    return parse_launch(parser)


def main() -> None:
    """Trains."""
    args = parse_args()
    from mmattn.cli import device, launch  # after the options, so that --help comes at once
    from mmattn.cli.device_augmentation import move_augmentation
    from mmattn.cli.running import run
    from mmattn.engine.processes import was_restarted

    config = launch.load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    launch.choose_work_dir(config, args.config, args.work_dir)
    launch.hold_work_dir(config)
    launch.choose_start(config, resume=args.resume or was_restarted())
    if args.checkpoint_every is not None:
        launch.save_within_epochs(config, args.config, args.checkpoint_every)
    if args.augment_on_device:
        move_augmentation(config, args.config)
    launch.fit_to_loop(config, args.config)
    if args.strategy == 'fsdp':
        device.shard(config)
    device.fit_to_device(config, amp=args.amp)
    run(launch.build_runner(config, args.config, 'train_loop', 'val_loop'), 'train', args.config)


if __name__ == '__main__':
    run_tool(main, after_interrupt='--resume goes on from the last checkpoint')
