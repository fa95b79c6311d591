"""A toy segmentor and a runner that trains and tests it in a second."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.structures import SegDataSample
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.utils.data import Dataset


class Tiles(Dataset):
    """Bright salt on dark sediment, 8-bit; of tile i the upper 2 i rows are inverted, which worsens its prediction."""

    def __init__(self, count: int = 8, *, truth: bool = True, empty: tuple[int, ...] = ()) -> None:
        rng = np.random.default_rng(0)
        self.truths = [(gaussian_filter(rng.standard_normal((24, 20)), 4) > 0).astype(np.int64) for _ in range(count)]
        for index in empty:
            self.truths[index][:] = 0
        self.has_truth = truth

    def __len__(self) -> int:
        return len(self.truths)

    def __getitem__(self, index: int) -> dict:
        truth = self.truths[index]
        shown = truth.copy()
        if truth.any():
            shown[: 2 * index] = 1 - shown[: 2 * index]
        sample = SegDataSample(metainfo=dict(img_id=f'tile{index}', ori_shape=truth.shape, img_shape=truth.shape))
        if self.has_truth:
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(truth)[None])
        image = torch.from_numpy(np.where(shown, 200, 60).astype(np.uint8))[None]
        return dict(inputs=image, data_samples=sample)


class ToySegmentor(BaseSegmentor):
    """A logit that rises with the amplitude; trains and predicts as MMSegmentation's segmentors do."""

    align_corners = False

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.out_channels = channels
        self.decode_head = SimpleNamespace(threshold=0.5)
        self.gain = nn.Parameter(torch.tensor(0.02))

    def encode_decode(self, inputs: Tensor, batch_data_samples: list | None = None) -> Tensor:
        logit = self.gain * (torch.stack(list(inputs)).float()[:, :1] - 128)
        return logit if self.out_channels == 1 else torch.cat([-logit / 2, logit / 2], dim=1)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        return inputs

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        return self.encode_decode(inputs)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        logits = self.encode_decode(inputs)
        labels = torch.stack([sample.gt_sem_seg.data for sample in data_samples]).float()
        salt = logits if self.out_channels == 1 else logits[:, 1:] - logits[:, :1]
        return dict(loss_toy=nn.functional.binary_cross_entropy_with_logits(salt, labels))

    def predict(self, inputs: Tensor, data_samples: list | None = None) -> list[SegDataSample]:
        return self.postprocess_result(self.encode_decode(inputs), data_samples)


@pytest.fixture
def make_runner(tmp_path: Path) -> Callable[..., Runner]:
    """Makes runners over the toy, all in one work directory."""

    def make(
        hook: Hook,
        *,
        model: nn.Module | None = None,
        dataset: Dataset | None = None,
        epochs: int = 2,
        best: str | None = None,
        loading: dict | None = None,
        **options,
    ) -> Runner:
        loader = dict(dataset=dataset or Tiles(), batch_size=3, num_workers=0)
        loader |= dict(sampler=dict(type='DefaultSampler', shuffle=False), collate_fn=dict(type='pseudo_collate'))
        make.count += 1
        hooks = dict(logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=True))
        if best:
            hooks['checkpoint'] = dict(type='SafeCheckpointHook', interval=1, save_best=best, rule='greater')
        return Runner(
            model=model or ToySegmentor(),
            work_dir=str(tmp_path / 'run'),
            train_dataloader=loader | (loading or {}),
            val_dataloader=loader,
            test_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            val_cfg=dict(),
            test_cfg=dict(),
            val_evaluator=dict(type='SaltMetric'),
            test_evaluator=dict(type='SaltMetric'),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-5)),
            default_hooks=hooks,
            custom_hooks=[hook],
            visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
            default_scope='mmseg',
            experiment_name=f'{tmp_path.name}_{make.count}',
            cfg=dict(),
            **options,
        )

    make.count = 0
    return make


@pytest.fixture
def tiles() -> type[Tiles]:
    """The toy's dataset."""
    return Tiles


@pytest.fixture
def toy() -> type[ToySegmentor]:
    """The toy's model."""
    return ToySegmentor
