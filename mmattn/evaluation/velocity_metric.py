"""The metric of velocity estimation, always beside two trivial predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import DATASETS, METRICS
from prettytable import PrettyTable

from mmattn.common.checks import check_choice, check_number
from mmattn.common.tables import safe_cell
from mmattn.evaluation.velocity_scores import VelocityScore, linear_model, score_velocity, total_velocity_scores

PREDICTIONS = ('network', 'profile', 'linear')


@METRICS.register_module()
class VelocityMetric(BaseMetric):
    """Scores predicted velocity, and salt, as ``mmattn.evaluation.total_velocity_scores`` defines them.

    Beside the network's scores stand those of the training set's mean profile (``profile_mae`` …) and of a gradient
    from 1,600 m/s at the top to 3,400 m/s at the bottom (``linear_mae`` …): what is no better has learnt nothing.

    Args:
        baseline: the training set, as a dataset's config, or its mean profile in m/s, a number a row. A profile of
            another number of rows is stretched to the models'.
        salt_velocity: m/s from which the trivial predictions count as salt.
        velocity_range: m/s, whose width is SSIM's range and twice OpenFWI's unit.
        like: 'wang' or 'openfwi', how SSIM is taken at the edges.
        output_dir: folder for each model's prediction, ``<id>.npy`` in m/s.
        keep_results: whether each model's scores go into ``output_dir/models.csv``.
        collect_device: 'cpu' or 'gpu', how results of several processes are brought together.
        prefix: put before each metric's name, with a slash.

    Raises:
        TypeError, ValueError: for a wrong option, which the message names.
    """

    def __init__(
        self,
        *,
        baseline: dict | Sequence[float],
        salt_velocity: float = 4250.0,
        velocity_range: tuple[float, float] = (1500.0, 4500.0),
        like: str = 'wang',
        output_dir: str | None = None,
        keep_results: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        check_choice('VelocityMetric', 'like', like, ('wang', 'openfwi'))
        if keep_results and output_dir is None:
            raise ValueError('VelocityMetric: keep_results=True needs output_dir, the folder to keep them in')
        super().__init__(collect_device=collect_device, prefix=prefix)
        low, high = velocity_range
        if not 0 < low < high:
            raise ValueError(
                f'VelocityMetric: velocity_range must be two speeds, the lower first, got {velocity_range}'
            )
        self.baseline, self.like, self.velocity_range = baseline, like, (float(low), float(high))
        self.salt_velocity = check_number('VelocityMetric: salt_velocity', salt_velocity, low=300, high=9000)
        self.output_dir = None if output_dir is None else Path(output_dir)
        self.keep_results = keep_results
        self._profile: np.ndarray | None = None
        if self.output_dir is not None:
            self.output_dir.mkdir(parents=True, exist_ok=True)

    @property
    def profile(self) -> np.ndarray:
        """Mean velocity of the training set in each row, (H,) m/s."""
        if self._profile is None:
            given = self.baseline
            values = DATASETS.build(given).mean_profile() if isinstance(given, dict) else given
            self._profile = np.asarray(values, np.float32)
            if self._profile.ndim != 1 or not len(self._profile) or not (self._profile > 0).all():
                raise ValueError(f'VelocityMetric: baseline must be a velocity a row, got {values!r}')
        return self._profile

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Takes in the predictions of a batch.

        Args:
            data_batch: not used.
            data_samples: each with ``pred_velocity``, ``pred_sem_seg``, ``gt_velocity`` and ``gt_sem_seg``, (1, H, W).
        """
        for sample in data_samples:
            name = str(sample['img_id'])
            fields = ('pred_velocity', 'gt_velocity', 'pred_sem_seg', 'gt_sem_seg')
            velocity, truth, found, salt = (sample[key]['data'][0].detach().cpu().float().numpy() for key in fields)
            if self.output_dir is not None:
                np.save(self.output_dir / f'{name.replace("/", "_")}.npy', velocity)
            rows = np.linspace(0, len(self.profile) - 1, truth.shape[0])
            profile = np.interp(rows, np.arange(len(self.profile)), self.profile)
            trivial = [np.repeat(profile[:, None], truth.shape[1], axis=1), linear_model(truth.shape)]
            guesses = [(velocity, found), *((guess, guess >= self.salt_velocity) for guess in trivial)]
            self.results.append((name, [self._score(guess, truth, found, salt) for guess, found in guesses]))

    def _score(self, guess: np.ndarray, truth: np.ndarray, found: np.ndarray, salt: np.ndarray) -> VelocityScore:
        options = dict(velocity_range=self.velocity_range, like=self.like)
        return score_velocity(guess, truth, predicted_salt=found, salt=salt, **options)

    def compute_metrics(self, results: list[tuple[str, list[VelocityScore]]]) -> dict[str, float]:
        """Combines the models of a set.

        Args:
            results: of each model its name and the scores of network, profile and gradient.

        Returns:
            The network's scores by name, the others' with ``profile_`` and ``linear_`` before it.
        """
        logger = MMLogger.get_current_instance()
        totals = [
            total_velocity_scores([scores[place] for _, scores in results], self.velocity_range)
            for place in range(len(PREDICTIONS))
        ]
        logger.info('\n' + _table(totals, len(results)))
        if totals[0]['mae'] >= min(total['mae'] for total in totals[1:]):
            logger.warning('VelocityMetric: a trivial prediction has a lower MAE than the network')
        if self.keep_results:
            self._write(results)
        metrics = dict(totals[0])
        for name, total in zip(PREDICTIONS[1:], totals[1:]):
            metrics |= {f'{name}_{key}': value for key, value in total.items()}
        return metrics

    def _write(self, results: list[tuple[str, list[VelocityScore]]]) -> None:
        rows = [(name, total_velocity_scores(scores[:1], self.velocity_range)) for name, scores in results]
        lines = [','.join(['id', *rows[0][1]])]
        lines += [','.join([safe_cell(name), *(f'{value:.6g}' for value in total.values())]) for name, total in rows]
        (self.output_dir / 'models.csv').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def _table(totals: Sequence[dict[str, float]], count: int) -> str:
    table = PrettyTable([f'{count} models', *PREDICTIONS], align='r')
    for name in totals[0]:
        digits = 1 if ('mae' in name and name != 'openfwi_mae') or name == 'rmse' else 4
        table.add_row([name, *(f'{total[name]:.{digits}f}' for total in totals)])
    return table.get_string()
