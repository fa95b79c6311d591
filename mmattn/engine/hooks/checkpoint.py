"""The checkpoint hook of our configs: it deletes only what it wrote, the old best only when the new one is there."""

import re
from pathlib import Path

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

_BEST = re.compile(r'best_[^/\\]+\.pth')


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """``CheckpointHook`` that believes no path in a checkpoint, and never is without a best one.

    A checkpoint names the best one before it, and mmengine deletes what it names once there is a better: in a work
    directory that was copied that is the original's, and in a hostile checkpoint anything. Here a path outside the
    directory of checkpoints is forgotten, with a note; if a file of that name lies in the directory, that is meant.

    Args are those of ``mmengine.hooks.CheckpointHook``.
    """

    def before_train(self, runner: Runner) -> None:
        """Takes the paths of an earlier run, if they are its own."""
        info = runner.message_hub.runtime_info
        steps = info.get('keep_ckpt_ids')
        if steps is not None:
            info['keep_ckpt_ids'] = [step for step in steps if isinstance(step, int) and not isinstance(step, bool)]
        super().before_train(runner)
        if self.save_best is None:
            return
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = self._own('best_ckpt', self.best_ckpt_path, runner)
        else:
            for key, path in self.best_ckpt_path_dict.items():
                self.best_ckpt_path_dict[key] = self._own(f'best_ckpt_{key}', path, runner)

    def _own(self, name: str, path: object, runner: Runner) -> str | None:
        """Returns the path of a best checkpoint in the directory of checkpoints, or None."""
        if path is None:
            return None
        folder = Path(self.out_dir)
        text = str(path)
        if isinstance(path, str) and _BEST.fullmatch(Path(text).name):
            here = folder / Path(text).name
            if Path(text).resolve() == here.resolve():
                return text
            if here.is_file():
                runner.logger.warning(f'the best checkpoint was {text}; taking {here}, which has its name')
                runner.message_hub.update_info(name, str(here))
                return str(here)
        runner.logger.warning(f'the best checkpoint was {text}, which is not in {folder}: it is left alone')
        runner.message_hub.runtime_info.pop(name, None)
        return None

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Saves a better checkpoint first, and deletes the one before it then."""
        if not self.save_best:
            return
        single = len(self.key_indicators) == 1
        before = dict(best=self.best_ckpt_path) if single else dict(self.best_ckpt_path_dict)
        if single:
            self.best_ckpt_path = None
        else:
            self.best_ckpt_path_dict = dict.fromkeys(before)
        super()._save_best_checkpoint(runner, metrics)
        now = dict(best=self.best_ckpt_path) if single else self.best_ckpt_path_dict
        for key, old in before.items():
            new = now.get(key)
            if new is None:  # no better one
                if single:
                    self.best_ckpt_path = old
                else:
                    self.best_ckpt_path_dict[key] = old
            elif old and old != new and runner.rank == 0 and self.file_backend.isfile(old):
                self.file_backend.remove(old)
                runner.logger.info(f'The previous best checkpoint {old} is removed')
