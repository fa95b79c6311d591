"""As many samples an iteration with another number of processes."""

import pytest
from mmengine.config import Config

from mmattn.cli.total_batch import keep_total_batch
from mmattn.common.errors import InputError


def resumed(before: int, batch: int, now: int, monkeypatch: pytest.MonkeyPatch, own: int | None = None) -> int:
    monkeypatch.setenv('WORLD_SIZE', str(now))
    config = Config(dict(train_dataloader=dict(batch_size=own or batch)))
    keep_total_batch(config, dict(meta=dict(processes=before, batch_size=batch)), 'a.pth')
    return config.train_dataloader.batch_size


@pytest.mark.parametrize(
    ('before', 'batch', 'now', 'expected'), [(2, 3, 2, 3), (2, 3, 1, 6), (2, 3, 3, 2), (1, 4, 4, 1)]
)
def test_samples_are_shared(before: int, batch: int, now: int, expected: int, monkeypatch: pytest.MonkeyPatch):
    assert resumed(before, batch, now, monkeypatch) == expected


def test_what_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        InputError, match=r"of 'a.pth' had 6 samples, 3 in each of 2 processes; now there are 4, .*1, 2, 3, 6"
    ):
        resumed(2, 3, 4, monkeypatch)
    with pytest.raises(InputError, match=r'now there are 3, and train_dataloader\.batch_size is 5: leave it out'):
        resumed(2, 3, 3, monkeypatch, own=5)


def test_a_config_that_shares_them_already_and_older_checkpoints_pass(monkeypatch: pytest.MonkeyPatch):
    assert resumed(2, 3, 3, monkeypatch, own=2) == 2
    config = Config(dict(train_dataloader=dict(batch_size=3)))
    keep_total_batch(config, dict(meta=dict(epoch=1)), 'a.pth')
    assert config.train_dataloader.batch_size == 3


def test_slurm_says_how_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('SLURM_NTASKS', '3')
    config = Config(dict(launcher='slurm', train_dataloader=dict(batch_size=3)))
    keep_total_batch(config, dict(meta=dict(processes=1, batch_size=3)), 'a.pth')
    assert config.train_dataloader.batch_size == 1
