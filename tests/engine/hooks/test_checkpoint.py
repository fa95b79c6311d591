"""The checkpoint hook deletes only what it wrote."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub, MMLogger

from mmattn.engine.hooks import SafeCheckpointHook


class Runner(SimpleNamespace):
    """As much of a runner as the hook asks for."""

    def __init__(self, folder: Path, **info: object) -> None:
        hub = MessageHub(f'hub of {folder}')
        for name, value in info.items():
            hub.update_info(name, value)
        logger = MMLogger.get_current_instance()
        super().__init__(work_dir=str(folder), message_hub=hub, logger=logger, epoch=3, iter=30, rank=0)

    def save_checkpoint(self, out_dir: str, filename: str, *args: object, **options: object) -> None:
        self.there = sorted(path.name for path in Path(out_dir).glob('best_*'))  # when the new one is written
        (Path(out_dir) / filename).write_text('new')


def started(folder: Path, **info: object) -> tuple[SafeCheckpointHook, Runner]:
    folder.mkdir(exist_ok=True)
    hook = SafeCheckpointHook(save_best='salt_iou', rule='greater', max_keep_ckpts=2)
    runner = Runner(folder, **info)
    hook.before_train(runner)
    return hook, runner


def test_a_copied_work_directory_leaves_the_original_alone(tmp_path: Path):
    original, copy = tmp_path / 'a' / 'best_salt_iou_epoch_2.pth', tmp_path / 'b' / 'best_salt_iou_epoch_2.pth'
    for path in (original, copy):
        path.parent.mkdir()
        path.write_text('old')
    hook, runner = started(tmp_path / 'b', best_ckpt=str(original), best_score=0.5)
    hook._save_best_checkpoint(runner, {'salt_iou': 0.7})
    assert original.read_text() == 'old'
    assert not copy.exists()
    assert sorted(path.name for path in (tmp_path / 'b').iterdir()) == ['best_salt_iou_epoch_3.pth']


@pytest.mark.parametrize('inside', [False, True])
def test_a_hostile_checkpoint_deletes_nothing(tmp_path: Path, inside: bool):
    victim = tmp_path / 'work' / 'epoch_1.pth' if inside else tmp_path / 'thesis'
    victim.mkdir(parents=True)
    (victim / 'text').write_text('years')
    hook, runner = started(tmp_path / 'work', best_ckpt=str(victim), best_score=0.1, keep_ckpt_ids=['../x', 1, 2])
    assert list(hook.keep_ckpt_ids) == [1, 2]
    hook._save_best_checkpoint(runner, {'salt_iou': 0.7})
    assert (victim / 'text').read_text() == 'years'
    assert runner.message_hub.get_info('best_ckpt').endswith('best_salt_iou_epoch_3.pth')


@pytest.mark.parametrize('path', [7, ['a'], 'best_../../x.pth', '/etc/passwd', ''])
def test_other_nonsense_is_forgotten(tmp_path: Path, path: object):
    hook, _ = started(tmp_path / 'work', best_ckpt=path)
    assert hook.best_ckpt_path is None


def test_the_old_best_goes_when_the_new_one_is_there(tmp_path: Path):
    old = tmp_path / 'work' / 'best_salt_iou_epoch_2.pth'
    old.parent.mkdir()
    old.write_text('old')
    hook, runner = started(tmp_path / 'work', best_ckpt=str(old), best_score=0.5)
    hook._save_best_checkpoint(runner, {'salt_iou': 0.4})
    assert old.is_file()
    assert hook.best_ckpt_path == str(old)
    hook._save_best_checkpoint(runner, {'salt_iou': 0.7})
    assert runner.there == [old.name]
    assert [path.name for path in old.parent.glob('best_*')] == ['best_salt_iou_epoch_3.pth']
