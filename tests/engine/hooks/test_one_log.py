"""Of several processes one writes a test's metrics."""

import json
from types import SimpleNamespace

import pytest
from mmengine.dist import utils
from mmengine.hooks import LoggerHook
from mmengine.logging import MMLogger

from mmattn.engine.hooks import OneLogHook


@pytest.mark.parametrize(('kind', 'written'), [(OneLogHook, ['0.json']), (LoggerHook, ['0.json', '1.json'])])
def test_one_file(tmp_path, monkeypatch, kind: type[LoggerHook], written: list[str]):
    """MMEngine's own hook writes in each process: when it no longer does, ours may go."""
    for rank in (0, 1):
        monkeypatch.setattr(utils, 'get_rank', lambda group=None, rank=rank: rank)
        hook = kind()
        hook.json_log_path = f'{rank}.json'
        processor = SimpleNamespace(get_log_after_epoch=lambda *args, **options: (dict(salt_iou=0.5), 'salt_iou: 0.5'))
        hook.after_test_epoch(
            SimpleNamespace(
                log_processor=processor,
                test_dataloader=[None],
                logger=MMLogger.get_current_instance(),
                log_dir=str(tmp_path),
            )
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == written
    assert json.loads((tmp_path / '0.json').read_text()) == dict(salt_iou=0.5)
