"""Draws what the attention layers see of some images at each validation."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook, LoggerHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmattn.attention.maps import AttentionWatch
from mmattn.common.checks import check_flag, check_number, check_whole
from mmattn.engine.attention_pictures import (
    Picture,
    arrays_of,
    file_name,
    inside_input,
    picture_of,
    place_in_input,
    save_attention,
)

_OWNER = 'AttentionMapHook'


@HOOKS.register_module()
class AttentionMapHook(Hook):
    """Writes, at each validation, what every attention layer of ours does with a position of some images.

    Files are ``attention/STEP/IMAGE/LAYER.png`` in the work directory, STEP the epoch (or iteration) of the training,
    and one ``maps.npz`` an image with the arrays. Of each batch the first image is taken. A picture that fails does
    not end the validation: the error is logged with its traceback. A network that is tested by sliding windows, which
    do not see the image as a whole, is not drawn, which the log says.

    Args:
        num_images: of the first so many batches of the set, of the first process.
        at: the position, shares of the image's width and height: (0.5, 0.5) is the middle.
        interval: validations from one picture to the next.
        arrays: whether arrays are written beside the pictures.

    Raises:
        ValueError: if a number is out of its range.
    """

    priority = 'LOW'

    def __init__(
        self, *, num_images: int = 1, at: Sequence[float] = (0.5, 0.5), interval: int = 1, arrays: bool = True
    ) -> None:
        self.num_images = check_whole(f'{_OWNER}: num_images', num_images, least=1)
        self.interval = check_whole(f'{_OWNER}: interval', interval, least=1)
        if len(at) != 2:
            raise ValueError(f'{_OWNER}: at must be two shares, of width and height, got {tuple(at)}')
        self.at = tuple(check_number(f'{_OWNER}: at', share, low=0, high=1) for share in at)
        self.arrays = check_flag(_OWNER, 'arrays', arrays)
        self._validations, self._drawn = 0, 0
        self._watch: AttentionWatch | None = None
        self._hook: Any = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Starts to look, at every ``interval``-th validation."""
        wanted = self._validations % self.interval == 0 and is_main_process()
        self._validations += 1
        self._drawn = 0 if wanted else self.num_images
        model = _unwrapped(runner.model)
        if wanted and (model.test_cfg or {}).get('mode') == 'slide':
            runner.logger.warning(f'{_OWNER}: no picture, the network is tested by sliding windows (test_cfg)')
            self._drawn = self.num_images

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Looks into the network, as long as images are wanted."""
        if self._drawn >= self.num_images:
            return
        model = _unwrapped(runner.model)
        self._watch = AttentionWatch(model, image=0, on_error=partial(self._fail, runner)).__enter__()
        self._hook = model.data_preprocessor.register_forward_hook(self._choose)

    def _choose(self, module: torch.nn.Module, inputs: tuple, data: dict) -> None:
        """Finds the position in the input, padded as it is."""
        size = tuple(data['inputs'].shape[2:])
        self._watch.look_at(*place_in_input(data['data_samples'][0].metainfo, size, *self.at[::-1]), size)
        self._size = size

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[SegDataSample] | None = None
    ) -> None:
        """Draws the first image of the batch."""
        if self._watch is None:
            return
        watch, self._watch = self._watch, None
        watch.__exit__()
        self._hook.remove()
        try:
            self._draw(runner, watch, data_batch['inputs'][0], outputs[0])
        except Exception as error:  # a picture must not cost a validation
            self._fail(runner, error)
        self._drawn += 1

    def _fail(self, runner: Runner, error: Exception) -> None:
        runner.logger.error(f'{_OWNER}: no picture of this validation: {error!r}', exc_info=error)
        self._drawn = self.num_images

    def _draw(self, runner: Runner, watch: AttentionWatch, image: Tensor, output: SegDataSample) -> None:
        if not watch.layers:
            runner.logger.warning(f'{_OWNER}: no picture, the network has no attention layer of mmattn')
            self._drawn = self.num_images
            return
        meta = output.metainfo
        name = str(meta.get('img_id') or Path(meta.get('img_path') or f'image{self._drawn}').stem)
        by_epoch = any(isinstance(hook, LoggerHook) and hook.log_metric_by_epoch for hook in runner.hooks)
        step = runner.epoch if by_epoch else runner.iter
        folder = Path(runner.work_dir) / 'attention' / f'{step:06d}' / name.replace('/', '_')
        folder.mkdir(parents=True, exist_ok=True)
        height, width = image.shape[-2:]
        across, down = (min(share * length, length - 1) for share, length in zip(self.at, (width, height)))
        picture = Picture(picture_of(image), down, across, inside_input(meta, self._size))
        for seen in watch.seen:
            if seen.maps:
                save_attention(seen, picture, folder / f'{file_name(seen)}.png')
        if self.arrays:
            np.savez_compressed(folder / 'maps.npz', **arrays_of(watch.seen))
        runner.logger.info(f'{_OWNER}: {len(watch.seen)} layers are drawn in {folder}')


def _unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    while is_model_wrapper(model):
        model = model.module
    return model
