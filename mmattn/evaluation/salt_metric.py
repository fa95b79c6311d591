"""The metric of salt segmentation: overlap, boundary and TGS scores, masks to look at and a submission to hand in."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS
from PIL import Image
from prettytable import PrettyTable
from torch import Tensor

from mmattn.common.checks import check_number, check_whole
from mmattn.common.tables import safe_row
from mmattn.evaluation.scores import TileScore, binary_mask, salt_probability, score_tile, total_scores
from mmattn.seismic.salt.classes import check_classes
from mmattn.seismic.salt.cleanup import remove_small_bodies, remove_unsure_bodies
from mmattn.seismic.tiles.rle import encode_rle

_TILE_COLUMNS = ('iou', 'dice', 'pixel_accuracy', 'boundary_f1', 'boundary_distance', 'mean_precision')


@dataclass(frozen=True)
class TileResult:
    """What is kept of a tile until the whole set is seen; small, since it travels between processes.

    Args:
        tile_id: the tile's name.
        score: None for a tile without truth.
        rle: the predicted mask for the submission; None if it does not enter one.
    """

    tile_id: str
    score: TileScore | None
    rle: str | None


@METRICS.register_module()
class SaltMetric(BaseMetric):
    """Scores salt masks and writes them out.

    A set may mix tiles with and without truth: the former give the scores, the latter the submission. If no tile has
    truth, the metrics are empty and the log says where the predictions went. The scores, and what becomes of tiles
    without salt, are defined in :func:`mmattn.evaluation.total_scores`, :func:`mmattn.evaluation.tgs_precision` and
    :func:`mmattn.evaluation.boundary_scores`.

    Args:
        ignore_index: label of truth pixels that count nowhere.
        boundary_tolerance: how far, in pixels, a boundary may lie off and still match.
        min_body: predicted bodies of fewer pixels are removed before anything is scored or written; 0 keeps all.
        hysteresis: predicted bodies whose probability of salt is nowhere above this are removed too; None keeps all.
            The other threshold, above which there is salt at all, is the ``threshold`` of ``model.decode_head``; where
            that is higher, no body is left out.
        output_dir: folder for each tile's predicted mask, ``<id>.png`` with 0 and 255 ('/' in an id becomes '_').
        label_dir: folder for the same with the labels 0 and 1, as ``confusion_matrix.py`` of MMSegmentation and others
            of its analysis tools read predictions; nothing else is written there.
        keep_results: whether each tile's scores are kept too, in ``output_dir/tiles.csv``. The options ``output_dir``
            and ``keep_results`` are what ``tools/test.py --out`` sets.
        format_only: whether truth is disregarded, so that every tile is predicted and none scored.
        submission: path of a Kaggle csv ``id,rle_mask`` for tiles without truth; with an output_dir it is
            ``output_dir/submission.csv`` if not given.
        collect_device: 'cpu' or 'gpu', how results of several processes are brought together.
        prefix: put before each metric's name, with a slash.

    Raises:
        TypeError: if an option is of the wrong kind.
        ValueError: if an option has a value, or is combined, as it must not be.
    """

    def __init__(
        self,
        *,
        ignore_index: int = 255,
        boundary_tolerance: float = 2.0,
        min_body: int = 0,
        hysteresis: float | None = None,
        output_dir: str | None = None,
        label_dir: str | None = None,
        keep_results: bool = False,
        format_only: bool = False,
        submission: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if ignore_index in (0, 1):
            raise ValueError(f'ignore_index must not be 0 (background) or 1 (salt), got {ignore_index}')
        check_number('boundary_tolerance', boundary_tolerance, low=0)
        check_whole('min_body', min_body)
        if hysteresis is not None and not 0 < check_number('hysteresis', hysteresis, low=0, high=1) < 1:
            raise ValueError(f'hysteresis must lie between 0 and 1, got {hysteresis}')
        if keep_results and output_dir is None:
            raise ValueError('keep_results=True needs output_dir, the folder to keep them in')
        if submission is not None and Path(submission).suffix != '.csv':
            raise ValueError(f'submission must be a path that ends with .csv, got {submission!r}')
        if format_only and output_dir is None and label_dir is None and submission is None:
            raise ValueError('format_only=True needs output_dir or submission, or the predictions would be lost')
        if collect_device not in ('cpu', 'gpu'):
            raise ValueError(f"collect_device must be 'cpu' or 'gpu', got {collect_device!r}")
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index
        self.boundary_tolerance = boundary_tolerance
        self.min_body, self.hysteresis = min_body, hysteresis
        self.output_dir = None if output_dir is None else Path(output_dir)
        self.label_dir = None if label_dir is None else Path(label_dir)
        self.keep_results = keep_results
        self.format_only = format_only
        self.submission = None if submission is None else Path(submission)
        if self.label_dir is not None:
            if self.label_dir == self.output_dir:
                raise ValueError(f'label_dir and output_dir must differ: {label_dir!r} would hold other files too')
            self.label_dir.mkdir(parents=True, exist_ok=True)
        if self.output_dir is not None:
            self.output_dir.mkdir(parents=True, exist_ok=True)
            self.submission = self.submission or self.output_dir / 'submission.csv'

    @property
    def dataset_meta(self) -> dict | None:
        """What is known of the dataset that is tested."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Takes it over; ValueError if class 1 is not salt."""
        check_classes(type(self).__name__, (dataset_meta or {}).get('classes'))
        self._dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Takes in the predictions of a batch.

        Args:
            data_batch: not used.
            data_samples: each with ``pred_sem_seg`` and, where there is truth, ``gt_sem_seg`` (their ``data`` being
                (1, H, W) or (H, W), integer or float), and ``img_id`` or ``img_path``.

        Raises:
            KeyError: if a sample has neither ``img_id`` nor ``img_path``.
            ValueError: if a mask holds other labels than expected, or prediction and truth differ in size.
        """
        for sample in data_samples:
            tile_id = _tile_id(sample)
            prediction = binary_mask(_plane(sample['pred_sem_seg']['data']), name='prediction')
            prediction = self._cleaned(sample, prediction).astype(np.uint8)
            score, rle = None, None
            if 'gt_sem_seg' in sample and not self.format_only:
                score = score_tile(
                    prediction,
                    _plane(sample['gt_sem_seg']['data']),
                    ignore_index=self.ignore_index,
                    boundary_tolerance=self.boundary_tolerance,
                )
            elif self.submission is not None:
                rle = encode_rle(prediction)
            self.results.append(TileResult(tile_id, score, rle))
            for folder, high in ((self.output_dir, 255), (self.label_dir, 1)):
                if folder is not None:
                    Image.fromarray(high * prediction).save(folder / f'{tile_id.replace("/", "_")}.png')

    def _cleaned(self, sample: dict, prediction: np.ndarray) -> np.ndarray:
        """The predicted mask without small and unsure bodies."""
        mask = remove_small_bodies(prediction, self.min_body)
        if self.hysteresis is None:
            return mask
        if 'seg_logits' not in sample:
            raise KeyError(f"hysteresis={self.hysteresis} needs 'seg_logits' of each sample, which this model lacks")
        return remove_unsure_bodies(mask, _plane(salt_probability(sample['seg_logits']['data'])), self.hysteresis)

    def compute_metrics(self, results: list[TileResult]) -> dict[str, float]:
        """Combines the tiles of the set, in the dataset's order, and writes the files that were asked for.

        Args:
            results: one entry a tile.

        Returns:
            salt_iou, salt_dice, pixel_accuracy, boundary_f1, mean_precision as fractions of 1, boundary_distance in
            pixels; empty if no tile has truth.
        """
        logger = MMLogger.get_current_instance()
        repeated = [tile_id for tile_id, count in Counter(result.tile_id for result in results).items() if count > 1]
        if repeated:
            logger.warning(
                f'{len(repeated)} tile ids occur repeatedly, such as {repeated[0]!r}: their files overwrite each other'
            )
        self._write_files(results, logger)
        scores = [result.score for result in results if result.score is not None]
        if not scores:
            logger.info(f'SaltMetric: none of the {len(results)} tiles has truth, so there are no scores.')
            return {}
        metrics = total_scores(scores)
        logger.info('\n' + _table(metrics, scores))
        return metrics

    def _write_files(self, results: list[TileResult], logger: MMLogger) -> None:
        if self.output_dir is not None:
            logger.info(f'SaltMetric: predicted masks (0 and 255) are in {self.output_dir}')
        if self.keep_results:
            rows = [[result.tile_id, *_tile_row(result.score)] for result in results]
            _write_csv(self.output_dir / 'tiles.csv', ['id', *_TILE_COLUMNS], rows)
            logger.info(f'SaltMetric: scores of {len(rows)} tiles are in {self.output_dir / "tiles.csv"}')
        without_truth = [result for result in results if result.score is None]
        if without_truth and self.submission is not None:
            _write_csv(self.submission, ['id', 'rle_mask'], [[result.tile_id, result.rle] for result in without_truth])
            logger.info(f'SaltMetric: submission of {len(without_truth)} tiles without truth is in {self.submission}')
        elif without_truth:
            logger.warning(
                f'SaltMetric: {len(without_truth)} tiles without truth were not written: set submission or output_dir'
            )


def _tile_id(sample: dict) -> str:
    if sample.get('img_id') is not None:
        return str(sample['img_id'])
    if sample.get('img_path') is not None:
        return Path(sample['img_path']).stem
    raise KeyError("a data sample needs 'img_id' or 'img_path': add one to meta_keys of PackSegInputs")


def _plane(data: Tensor) -> np.ndarray:
    """Brings a (1, H, W) or (H, W) tensor into an (H, W) array."""
    array = (data.float() if data.dtype == torch.bfloat16 else data).detach().cpu().numpy()  # NumPy has no bfloat16
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise ValueError(f'a mask must be (1, H, W) or (H, W), got {tuple(data.shape)}')
    return array


def _tile_row(score: TileScore | None) -> list[str]:
    """The cells of a tile; empty where a score is not defined."""
    values = [float('nan') if score is None else getattr(score, column) for column in _TILE_COLUMNS]
    return ['' if np.isnan(value) else f'{value:.6g}' for value in values]


def _write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows(map(safe_row, [header, *rows]))


def _table(metrics: dict[str, float], scores: Sequence[TileScore]) -> str:
    """Sets out the metrics, each with the number of tiles that enter it."""
    table = PrettyTable(['salt metric', 'value', 'tiles'], align='r')
    for name, value in metrics.items():
        over = sum(not np.isnan(getattr(score, name, 0.0 if score.valid else np.nan)) for score in scores)
        table.add_row([name, f'{value:.4f}' + (' px' if name == 'boundary_distance' else ''), over])
    return table.get_string()
