"""A test's metrics, written by one process of several."""

from mmengine.dist import master_only
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class OneLogHook(LoggerHook):
    """MMEngine's ``LoggerHook``, whose file of a test's metrics only the main process writes.

    MMEngine's writes it in every process at once: where the times in it differ in length, the end of one stays behind
    the other, and the file is no JSON.
    """

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Logs the metrics and writes them."""
        super().after_test_epoch(runner, metrics)
