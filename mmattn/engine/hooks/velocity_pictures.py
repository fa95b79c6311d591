"""Draws the first models of a test or validation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmattn.common.checks import check_flag, check_whole
from mmattn.seismic.shots.pictures import VELOCITY_RANGE, VelocityPanel, save_velocity_picture


@HOOKS.register_module()
class VelocityPictureHook(Hook):
    """Writes a picture of some models into the work directory: true, predicted, difference and one gather.

    A picture that fails does not end the test: the error is logged with its traceback. ``tools/invert.py`` draws the
    residual of the gather as well, which takes a modelling.

    Args:
        num_models: the first so many of the set.
        filename: of the PNG; validation writes ``val_<filename>``.
        during_val: whether each validation writes a picture too.
        velocity_range: m/s, ends of the colours.
    """

    def __init__(
        self,
        num_models: int = 4,
        *,
        filename: str = 'velocity.png',
        during_val: bool = True,
        velocity_range: tuple[float, float] = VELOCITY_RANGE,
    ) -> None:
        self.num_models = check_whole('VelocityPictureHook: num_models', num_models, least=1)
        if not filename.endswith('.png'):
            raise ValueError(f'VelocityPictureHook: filename must end with .png, got {filename!r}')
        self.filename, self.velocity_range = filename, tuple(velocity_range)
        self.during_val = check_flag('VelocityPictureHook', 'during_val', during_val)
        self._panels: list[VelocityPanel] | None = None

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Starts a picture before a test or, if wanted, a validation, in the process that draws."""
        wanted = mode == 'test' or (mode == 'val' and self.during_val)
        self._panels = [] if wanted and is_main_process() else None

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[SegDataSample] | None = None,
        mode: str = 'train',
    ) -> None:
        """Looks at the models of a batch."""
        if mode == 'train' or self._panels is None:
            return
        try:
            for index, output in enumerate(outputs[: self.num_models - len(self._panels)]):
                self._panels.append(_panel(output, data_batch['inputs'][index]))
        except Exception as error:  # a picture must not cost a test
            runner.logger.error(f'VelocityPictureHook: no picture of this {mode}: {error!r}', exc_info=True)
            self._panels = None

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draws the models of a validation, if wanted."""
        self._draw(runner, Path(runner.work_dir) / f'val_{self.filename}')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draws the models of a test."""
        self._draw(runner, Path(runner.work_dir) / self.filename)

    def _draw(self, runner: Runner, path: Path) -> None:
        panels, self._panels = self._panels, None
        if not panels:
            return
        try:
            save_velocity_picture(panels, path, self.velocity_range)
        except Exception as error:  # a picture must not cost a test
            runner.logger.error(f'VelocityPictureHook: {path} was not drawn: {error!r}', exc_info=True)
            return
        runner.logger.info(f'VelocityPictureHook: {len(panels)} models are drawn in {path}')


def _panel(output: SegDataSample, gathers: Any) -> VelocityPanel:
    meta = output.metainfo
    gather = gathers[len(gathers) // 2].float().cpu().numpy()
    truth = output.gt_velocity.data[0].cpu().numpy() if 'gt_velocity' in output else None
    prediction = output.pred_velocity.data[0].float().cpu().numpy()
    options = dict(dx=meta['acquisition']['dx'], truth=truth, gather=gather, dt=meta['shot_dt'])
    return VelocityPanel(str(meta.get('img_id', '')), prediction, **options)
