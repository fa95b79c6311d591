"""Small right inputs, to be damaged: a survey, tiles, tables, arrays, a checkpoint, an experiment."""

import io
import zipfile
from pathlib import Path

import numpy as np
import segyio
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image
from yapf.yapflib import yapf_api

from mmattn.cli.device import replace_sync_bn
from mmattn.seismic.tiles.rle import encode_rle

_EXPERIMENT = """
_base_ = [{base!r}]
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=64, channels=16),
    auxiliary_head=dict(in_channels=32, channels=8),
)
train_cfg = dict(max_epochs={epochs}, val_interval=1)
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(num_sections=12, size=(48, 40)), **loader)
val_dataloader = dict(dataset=dict(num_sections=4, size=(48, 40)), **loader)
test_dataloader = val_dataloader
default_hooks = dict(logger=dict(interval=2))
custom_hooks = []
"""


def spare_time() -> None:
    """Lets mmengine save configs as they are: setting out their text takes most of a tiny training's time."""
    yapf_api.FormatCode = lambda text, **_: (text, True)


def write_experiment(path: Path, configs: Path, *, epochs: int = 1) -> Path:
    """Writes the config of a tiny network on the synthetic survey."""
    path.write_text(_EXPERIMENT.format(base=str(configs / 'ccnet_salt.py'), epochs=epochs), encoding='utf-8')
    return path


def write_checkpoint(path: Path, config: Path) -> Path:
    """Writes random weights of an experiment."""
    init_default_scope('mmseg')
    loaded = Config.fromfile(config)
    replace_sync_bn(loaded.model)
    torch.manual_seed(0)
    model = MODELS.build(loaded.model)
    torch.nn.init.normal_(model.decode_head.conv_seg.weight, std=3.0)
    meta = dict(dataset_meta=dict(classes=('background', 'salt')), epoch=1, iter=3)
    torch.save(dict(state_dict=model.state_dict(), meta=meta, message_hub={}), path)
    return path


def write_survey(path: Path, shape: tuple[int, int, int] = (6, 7, 32)) -> Path:
    """Writes a post-stack volume."""
    amplitudes = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    segyio.tools.from_array3D(str(path), amplitudes, dt=4000)
    return path


def make_png(seed: int = 0, *, mask: bool = False) -> bytes:
    """A tile's image, or its mask."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 20), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels // 128 * 255 if mask else pixels).save(file, 'png')
    return file.getvalue()


def make_tables(count: int = 4) -> dict[str, str]:
    """The tables of a set of tiles."""
    masks = [np.asarray(Image.open(io.BytesIO(make_png(seed, mask=True)))) > 0 for seed in range(count)]
    rles = [f't{number},{encode_rle(mask.astype(np.uint8))}' for number, mask in enumerate(masks)]
    folds = [f't{number},g{number},{number % 2},{mask.mean():.6f}' for number, mask in enumerate(masks)]
    depths = [f't{number},{100 + number}' for number in range(count)]
    heads = {'train.csv': 'id,rle_mask', 'depths.csv': 'id,z', 'folds.csv': 'id,group,fold,coverage'}
    return {name: '\n'.join([heads[name], *rows]) + '\n' for name, rows in zip(heads, (rles, depths, folds))}


def make_archive(count: int = 4) -> bytes:
    """A zip of tiles and tables, as the competition serves it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, table in make_tables(count).items():
            archive.writestr(name, table)
        for number in range(count):
            archive.writestr(f'train/images/t{number}.png', make_png(number))
            archive.writestr(f'train/masks/t{number}.png', make_png(number, mask=True))
        archive.writestr('test/images/h0.png', make_png(99))
    return file.getvalue()


def make_arrays() -> dict[str, bytes]:
    """NumPy's files of a volume and of weights."""
    volume, weights = io.BytesIO(), io.BytesIO()
    np.save(volume, np.random.default_rng(0).normal(size=(4, 5, 30)).astype(np.float32))
    np.savez(weights, a=np.ones((3, 4), np.float32), b=np.arange(5))
    return {'.npy': volume.getvalue(), '.npz': weights.getvalue()}
