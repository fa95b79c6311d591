"""Draws the curves of a training run from the scalars that mmengine keeps on disk."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook, LoggerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmattn.engine.curve_pictures import Curve, save_curves

# What the log holds beside losses and metrics.
_BOOKKEEPING = {'step', 'iter', 'epoch', 'time', 'data_time', 'memory', 'eta', 'base_lr', 'base_momentum', 'momentum'}


@HOOKS.register_module()
class CurveHook(Hook):
    """Writes a picture of loss and metrics into the work directory, after each validation and after training.

    It reads what ``LocalVisBackend`` wrote, so a resumed run shows its earlier part too, and an interrupted one leaves
    the picture of its last validation. Only the first process draws. A picture that fails does not end the training:
    the error is logged with its traceback.

    Args:
        filename: of the PNG in the work directory.

    Raises:
        ValueError: if filename does not end with .png.
    """

    # After LoggerHook (BELOW_NORMAL), which writes the scalars of this validation.
    priority = 'LOW'

    def __init__(self, *, filename: str = 'curves.png') -> None:
        if not filename.endswith('.png'):
            raise ValueError(f'filename must end with .png, got {filename!r}')
        self.filename = filename

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Brings the picture up to date, without a word in the log."""
        self._draw(runner, announce=False)

    def after_train(self, runner: Runner) -> None:
        """Draws the whole run and logs where."""
        self._draw(runner, announce=True)

    @master_only
    def _draw(self, runner: Runner, *, announce: bool) -> None:
        path = Path(runner.work_dir) / self.filename
        by_epoch = any(isinstance(hook, LoggerHook) and hook.log_metric_by_epoch for hook in runner.hooks)
        try:
            curves = read_curves(runner.work_dir, validation_unit='epoch' if by_epoch else 'iteration')
            if curves:
                save_curves(curves, path, title=runner.experiment_name)
        except Exception as error:  # a picture must not cost a training
            runner.logger.error(f'CurveHook: {path} was not drawn: {error!r}', exc_info=True)
            return
        if announce and curves:
            runner.logger.info(f'CurveHook: curves of loss and metrics are in {path}')
        elif announce:
            runner.logger.warning(
                f'CurveHook: nothing to draw, no */vis_data/scalars.json with points in {runner.work_dir}; '
                "the visualizer needs vis_backends=[dict(type='LocalVisBackend')]"
            )


def read_curves(work_dir: str | Path, *, validation_unit: str = 'iteration') -> list[Curve]:
    """Reads the scalars of all runs in a work directory, the later overriding the earlier.

    A run that was resumed, or started anew, repeats steps: of each curve the earlier points from the later run's
    first step on are dropped.

    Args:
        work_dir: with ``<time stamp>/vis_data/scalars.json`` of one or more runs.
        validation_unit: what the steps of validation count.

    Returns:
        Curves for :func:`mmattn.engine.curve_pictures.save_curves`; none if nothing was logged.

    Raises:
        ValueError: if a file holds a line that is not JSON, other than a last one cut short by a kill.
    """
    points: dict[tuple[str, str], dict[float, float]] = {}
    for file in sorted(Path(work_dir).glob('*/vis_data/scalars.json'), key=lambda file: file.parts[-3]):
        run: dict[tuple[str, str], dict[float, float]] = {}
        for entry in _entries(file):
            stage = 'train' if 'iter' in entry or 'epoch' in entry else 'val'
            for name, value in entry.items():
                if name not in _BOOKKEEPING and isinstance(value, int | float) and math.isfinite(value):
                    run.setdefault((stage, name), {})[entry['step']] = value
        for key, values in run.items():
            kept = {step: value for step, value in points.get(key, {}).items() if step < min(values)}
            points[key] = kept | values
    curves = [_curve(stage, name, values, validation_unit) for (stage, name), values in points.items()]
    return sorted(curves, key=_place)


def read_scalars(work_dir: str | Path, name: str) -> list[float]:
    """Returns every value that the training logged of one scalar, such as the ``time`` of an iteration."""
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    return [float(entry[name]) for file in files for entry in _entries(file) if name in entry and 'iter' in entry]


def _entries(file: Path) -> Iterator[dict]:
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(f'{file}, line {number}: not JSON ({error})') from error


def _place(curve: Curve) -> tuple[bool, bool, bool]:
    """Sorts the training loss first, its total before its parts, then validation, then all else, each as logged."""
    return curve.panel != 'training loss', curve.name != 'loss', not curve.panel.startswith('validation')


def _curve(stage: str, name: str, values: dict[float, float], validation_unit: str) -> Curve:
    """Puts a scalar into its panel, by what its name says of it."""
    steps = sorted(values)
    best = None
    if name == 'lr':
        panel = 'learning rate'
    elif 'loss' in name:
        panel = 'training loss' if stage == 'train' else 'validation loss'
        best = None if stage == 'train' else 'min'
    elif stage == 'train':
        panel = (
            'gradient norm' if name == 'grad_norm' else 'training accuracy (%)' if 'acc' in name else f'training {name}'
        )
    elif 'distance' in name:
        panel, best = 'validation: distance in pixels (lower is better)', 'min'
    else:
        percent = any(abs(value) > 1 for value in values.values())
        panel, best = 'validation: scores' + (' (%)' if percent else ''), 'max'
    unit = 'iteration' if stage == 'train' else validation_unit
    return Curve(name, steps, [values[step] for step in steps], panel=panel, xlabel=unit, best=best)
