"""Numbers in configs that would be taken without a word."""

from pathlib import Path

import pytest

from mmattn.cli.launch import load_config
from mmattn.common.errors import InputError
from tests.tiny import write_tiny_config

NAN = float('nan')


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('model.decode_head.num_classes', 'abc', "num_classes must be an integer, got 'abc'"),
        ('model.decode_head.dropout_ratio', NAN, 'model.decode_head.dropout_ratio is not a number'),
        ('model.decode_head.dropout_ratio', 1.5, 'dropout_ratio must be from 0 to 1, got 1.5'),
        ('model.decode_head.threshold', 2, 'threshold must be from 0 to 1, got 2'),
        ('model.decode_head.loss_decode.loss_weight', NAN, 'loss_weight is not a number'),
        ('model.decode_head.loss_decode.loss_weight', -1, 'loss_weight must be at least 0, got -1'),
        ('model.data_preprocessor.mean', [NAN], 'mean must be finite, got nan'),
        ('model.data_preprocessor.std', [0.0], 'std must be above 0, got 0.0'),
        ('train_cfg.val_interval', -1, 'val_interval must be at least 1, got -1'),
        ('train_cfg.max_epochs', 0, 'max_epochs must be at least 1, got 0'),
        ('train_dataloader.batch_size', 2.5, 'batch_size must be an integer, got 2.5'),
        ('train_dataloader.num_workers', -1, 'num_workers must be at least 0, got -1'),
        ('optim_wrapper.optimizer.lr', 'abc', "lr must be a number, got 'abc'"),
        ('optim_wrapper.optimizer.lr', float('inf'), 'lr must be at least 0, got inf'),
        ('default_hooks.checkpoint.interval', 0, 'interval must be at least 1, got 0'),
        ('model.auxiliary_head.loss_decode.use_sigmoid', 10**9, 'use_sigmoid must be True or False, got 1000000000'),
        ('launcher', 'abc', "launcher must be one of none, pytorch, slurm, mpi, got 'abc'"),
        ('randomness.seed', -3, 'seed must be at least 0, got -3'),
    ],
)
def test_wrong_values_are_named_with_their_place(tmp_path: Path, option: str, value: object, message: str):
    with pytest.raises(InputError) as caught:
        load_config(str(write_tiny_config(tmp_path)), {option: value})
    assert str(caught.value).startswith(f'config {str(tmp_path / "tiny.py")!r}: {option.split(".")[0]}')
    assert message in str(caught.value)


def test_right_values_pass(tmp_path: Path):
    options = {'default_hooks.checkpoint.interval': -1, 'randomness.seed': None, 'model.decode_head.threshold': None}
    load_config(str(write_tiny_config(tmp_path)), options)
