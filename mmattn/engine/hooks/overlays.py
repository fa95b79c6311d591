"""Draws the best, the worst and some random tiles of a test."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmattn.evaluation.scores import salt_probability
from mmattn.seismic.salt.overlays import OverlayPanel, save_overlay_grid


class TileSelection:
    """Keeps the best, the worst and some random tiles of a stream, and forgets the others at once.

    Best and worst are by IoU among tiles with true or predicted salt (a tile that is rightly left empty says little);
    of equal IoU the larger salt counts as better or worse. No tile is shown twice: best goes before worst, both
    before random.

    Args:
        num_best: how many of the best.
        num_worst: how many of the worst.
        num_random: how many drawn at random.
        seed: of the draw.
    """

    def __init__(self, *, num_best: int, num_worst: int, num_random: int, seed: int) -> None:
        self.num_best, self.num_worst, self.num_random = num_best, num_worst, num_random
        self._rng = np.random.default_rng(seed)
        self._seen = 0
        self._best: list[_Ranked] = []
        self._worst: list[_Ranked] = []
        self._random: list[_Ranked] = []

    def add(self, panel: OverlayPanel, *, iou: float | None, union: int) -> None:
        """Looks at one tile.

        Args:
            panel: what would be drawn.
            iou: of its salt; None without truth, then it can only be drawn at random.
            union: pixels of true or predicted salt.
        """
        order = self._seen
        self._seen += 1
        if iou is not None and union:
            _keep(self._best, _Ranked((iou, union, -order), order, panel), self.num_best)
            _keep(self._worst, _Ranked((-iou, union, -order), order, panel), self.num_worst)
        # A reservoir with room for those that turn out to be shown as best or worst.
        size = (self.num_best + self.num_worst + self.num_random) * bool(self.num_random)
        if len(self._random) < size:
            self._random.append(_Ranked((), order, panel))
        elif (place := int(self._rng.integers(self._seen))) < size:
            self._random[place] = _Ranked((), order, panel)

    def chosen(self) -> dict[str, list[OverlayPanel]]:
        """Gives the tiles by heading, best first, worst first, random in their order of appearance; no empty group."""
        best = sorted(self._best, reverse=True)
        used = {entry.order for entry in best}
        worst = [entry for entry in sorted(self._worst, reverse=True) if entry.order not in used]
        used |= {entry.order for entry in worst}
        left = [entry for entry in self._random if entry.order not in used]
        picked = self._rng.permutation(len(left))[: self.num_random]
        drawn = sorted((left[place] for place in picked), key=lambda entry: entry.order)
        groups = {'best IoU': best, 'worst IoU': worst, 'random': drawn}
        return {heading: [entry.panel for entry in group] for heading, group in groups.items() if group}


@dataclass(order=True, frozen=True)
class _Ranked:
    rank: tuple
    order: int = field(compare=False)
    panel: OverlayPanel = field(compare=False)


def _keep(heap: list[_Ranked], entry: _Ranked, size: int) -> None:
    """Keeps the ``size`` highest ranks in the heap."""
    if len(heap) < size:
        heapq.heappush(heap, entry)
    elif size:
        heapq.heappushpop(heap, entry)


@HOOKS.register_module()
class OverlayHook(Hook):
    """Writes a picture of the best, the worst and some random tiles into the work directory when a test ends.

    Each tile shows its section in symmetric grey, the true and the predicted outline, and the salt probability. Tiles
    without truth are drawn only at random. With several processes the first draws from its own share of the tiles,
    which the log says. A picture that fails does not end the test: the error is logged with its traceback.

    Args:
        num_best: tiles of the highest salt IoU.
        num_worst: tiles of the lowest.
        num_random: tiles at random.
        seed: of the draw.
        filename: of the PNG in the work directory; validation writes ``val_<filename>``.
        during_val: whether each validation writes a picture too.
        amplitude_center: value of zero amplitude in the inputs, drawn mid-grey; None: see
            :func:`mmattn.seismic.salt.overlays.grey_limits`.

    Raises:
        ValueError: if a number is negative or all are 0, or filename does not end with .png.
    """

    priority = 'LOW'

    def __init__(
        self,
        *,
        num_best: int = 4,
        num_worst: int = 4,
        num_random: int = 4,
        seed: int = 0,
        filename: str = 'overlays.png',
        during_val: bool = False,
        amplitude_center: float | None = None,
    ) -> None:
        numbers = dict(num_best=num_best, num_worst=num_worst, num_random=num_random)
        for name, number in numbers.items():
            if number < 0:
                raise ValueError(f'{name} must be at least 0, got {number}')
        if not any(numbers.values()):
            raise ValueError('one of num_best, num_worst and num_random must be above 0')
        if not filename.endswith('.png'):
            raise ValueError(f'filename must end with .png, got {filename!r}')
        self.numbers = numbers
        self.seed = seed
        self.filename = filename
        self.during_val = during_val
        self.amplitude_center = amplitude_center
        self._selection: TileSelection | None = None

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Starts a selection before a test or, if wanted, a validation, in the process that draws."""
        wanted = mode == 'test' or (mode == 'val' and self.during_val)
        self._selection = TileSelection(**self.numbers, seed=self.seed) if wanted and is_main_process() else None

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[SegDataSample] | None = None,
        mode: str = 'train',
    ) -> None:
        """Looks at the tiles of a batch; the first error is logged and ends the drawing of this picture."""
        if mode == 'train' or self._selection is None:
            return
        try:
            for index, output in enumerate(outputs):
                panel, iou, union = _panel(output, _section(data_batch, index))
                self._selection.add(panel, iou=iou, union=union)
        except Exception as error:  # a picture must not cost a test
            runner.logger.error(f'OverlayHook: no picture of this {mode}: {error!r}', exc_info=True)
            self._selection = None

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draws the tiles of a validation, if wanted."""
        self._draw(runner, Path(runner.work_dir) / f'val_{self.filename}')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draws the tiles of a test."""
        self._draw(runner, Path(runner.work_dir) / self.filename)

    def _draw(self, runner: Runner, path: Path) -> None:
        selection, self._selection = self._selection, None
        groups = {} if selection is None else selection.chosen()
        if not groups:
            return
        try:
            save_overlay_grid(groups, path, center=self.amplitude_center)
        except Exception as error:  # a picture must not cost a test
            runner.logger.error(f'OverlayHook: {path} was not drawn: {error!r}', exc_info=True)
            return
        share = f' (of the first of {get_world_size()} processes)' if get_world_size() > 1 else ''
        runner.logger.info(f'OverlayHook: {", ".join(groups)} tiles{share} are drawn in {path}')


def _section(data_batch: dict, index: int) -> Tensor:
    """Finds the section that a prediction belongs to, (H, W), as it went into the data preprocessor.

    Under test-time augmentation the inputs are a list of views, each a batch; the one taken is the first that is not
    flipped, or else the first, flipped back.
    """
    inputs, samples = data_batch['inputs'], data_batch['data_samples']
    if isinstance(samples[0], Sequence):
        flips = [bool(view[index].metainfo.get('flip')) for view in samples]
        view = flips.index(False) if False in flips else 0
        inputs, samples = inputs[view], samples[view]
    section, meta = inputs[index][0], samples[index].metainfo
    if not meta.get('flip'):
        return section
    return section.flip(dims=(0,) if meta.get('flip_direction') == 'vertical' else (1,))


def _panel(output: SegDataSample, section: Tensor) -> tuple[OverlayPanel, float | None, int]:
    """Makes of a prediction what is drawn of it, and gives its salt IoU (None without truth) and union in pixels."""
    probability = salt_probability(output.seg_logits.data).float()
    prediction = (output.pred_sem_seg.data.reshape(probability.shape) == 1).to(torch.uint8)
    if section.shape != probability.shape:
        section = F.interpolate(section[None, None].float(), size=probability.shape, mode='bilinear')[0, 0]
    meta = output.metainfo
    title = str(meta.get('img_id') or Path(meta.get('img_path') or 'tile').stem)
    truth, iou = None, None
    union = int(prediction.sum())
    shares = f'{float(prediction.float().mean()):.0%} predicted'
    if 'gt_sem_seg' in output:
        truth = output.gt_sem_seg.data.reshape(probability.shape).to(prediction.device)
        predicted, true = (prediction == 1) & (truth <= 1), truth == 1
        union = int((predicted | true).sum())
        iou = int((predicted & true).sum()) / union if union else 1.0
        title += f'   IoU {iou:.2f}' if union else ''
        shares = f'{float(true.float().mean()):.0%} true, ' + shares
    title += f'   salt {shares}'
    arrays = [None if array is None else array.cpu().numpy() for array in (section, probability, truth, prediction)]
    return OverlayPanel(*arrays, title=title), iou, union
