"""The mean of a training's last weights."""

from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmattn.common.checks import check_number


@HOOKS.register_module()
class LateAverageHook(EMAHook):
    """Averages weights evenly over the last part of a training, and has the mean validated and saved.

    Stochastic weight averaging, https://arxiv.org/abs/1803.05407, of each iteration's weights; statistics of batch
    normalisation are averaged with them. Before that part the weights are validated as they are. The schedule of the
    learning rate stays the config's.

    Args:
        start: share of the training from which on weights are averaged, 0 to 1.

    Raises:
        TypeError: if ``start`` is no number.
        ValueError: if it is not from 0 to 1.
    """

    def __init__(self, *, start: float = 0.75) -> None:
        self.start = check_number('LateAverageHook: start', start, low=0, high=1)
        super().__init__(ema_type='StochasticWeightAverage', update_buffers=True)

    def before_train(self, runner: Runner) -> None:
        """Finds the first iteration that counts."""
        self.begin_iter = min(int(self.start * runner.max_iters) + 1, runner.max_iters)  # counted from 1
        super().before_train(runner)
