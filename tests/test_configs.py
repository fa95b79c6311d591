"""Every experiment builds, and does one step forward and backward at reduced size."""

import re
from collections.abc import Callable
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from mmseg.structures import SegDataSample
from scipy import io as matlab

from mmattn.seismic.shots import Acquisition
from tests.extras import skip_without_timm
from tests.teachers import bring_teachers

ROOT = Path(__file__).resolve().parents[1]
ALL_CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
VELOCITY_CONFIGS = [path for path in ALL_CONFIGS if '_velocity' in path.stem]
CONFIGS = [path for path in ALL_CONFIGS if path not in VELOCITY_CONFIGS]
SALT_CONFIGS = [path for path in CONFIGS if path.parent.name in ('configs', 'salt_224')]
TILE_CONFIGS = [path for path in SALT_CONFIGS if path.stem != 'salt_synthetic' and '_segy' not in path.stem]


def parametrize(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('path', paths, ids=[str(path.relative_to(ROOT / 'configs')) for path in paths])


# What makes the encoders small; the others run as they are.
REDUCED = {
    'ResNetV1c': dict(base_channels=8, stem_channels=8),
    'MixVisionTransformer': dict(embed_dims=8, num_layers=[1] * 4),
    'MSCAN': dict(embed_dims=[8, 16, 20, 32], depths=[1] * 4),
    'LVT': dict(embed_dims=(8, 8, 20, 16), depths=(1,) * 4),
    'SMT': dict(arch=dict(embed_dims=(16, 16, 32, 32), depths=(1, 1, 2, 1))),
    'AxialResNet': dict(width=0.125),
    'AttentionUNet': dict(base_channels=8),
    'VisionTransformer': dict(embed_dims=24, num_layers=1, out_indices=(0,)),
    'SwinTransformer': dict(embed_dims=8, depths=(1,) * 4),
    'PCPVT': dict(embed_dims=[8, 16, 20, 32], depths=[1] * 4),
    'HybridViT': dict(embed_dims=16, num_layers=1, num_heads=2, resnet_channels=32),
    'SwinUNetEncoder': dict(embed_dims=8, depths=(1,) * 4, num_heads=(1, 2, 4, 8)),
}


def reduced(model: ConfigDict) -> ConfigDict:
    """A model of a fraction of the channels and layers, without pretrained weights."""
    model.backbone.update(REDUCED.get(model.backbone.type, {}), init_cfg=None)
    image = torch.rand(1, model.backbone.get('in_channels', 3), 64, 64)
    channels = [level.shape[1] for level in MODELS.build(model.backbone)(image)]
    for head in filter(None, (model.decode_head, model.get('auxiliary_head'))):
        if isinstance(head.in_channels, int):
            head.update(in_channels=channels[head.in_index])
        else:
            head.update(in_channels=[channels[i] for i in head.get('in_index', range(len(channels)))])
        if head.type in ('UMixFormerHead', 'FeedFormerHead'):
            head.update(embed_dims=16)
        elif head.type == 'FixedHamHead':
            head.update(channels=32, ham_channels=32)  # its groups of normalisation are 32
        elif head.type == 'CascadedUpsamplerHead':
            head.update(decoder_channels=(16, 8, 8, 8), bridge_channels=16)
        elif head.type == 'SwinUNetHead':
            head.update(depths=(1,) * 3, num_heads=(1, 2, 4), init_cfg=None)
        elif 'channels' in head:
            head.update(channels=16)
    return model


@pytest.fixture(autouse=True)
def _synthetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('SALT_DATA', raising=False)


@parametrize(CONFIGS)
def test_trains_one_step(path: Path, tmp_path: Path):
    config = Config.fromfile(path)
    skip_without_timm(config.model.backbone)
    if config.model.backbone.type == 'MSCAN' and mmseg.__version__.startswith('1.2'):
        pytest.skip('takes three channels')
    model = revert_sync_batchnorm(MODELS.build(bring_teachers(reduced(config.model), tmp_path))).train()
    channels, classes = config.model.backbone.get('in_channels', 3), model.num_classes
    model.data_preprocessor.size = (64, 64)  # MMSegmentation's own pads to the crop
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(ori_shape=(40, 50), img_shape=(40, 50)))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, classes, (1, 40, 50)))
        samples.append(sample)
    inputs = [torch.rand(channels, 40, 50) for _ in samples]
    losses = model(**model.data_preprocessor(dict(inputs=inputs, data_samples=samples), True), mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    total.backward()
    assert total.isfinite()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


@pytest.fixture(scope='module')
def first_inputs() -> Callable[[ConfigDict], torch.Tensor]:
    """The first input of a dataset; datasets that configs have in common are built once."""
    found: dict[str, torch.Tensor] = {}

    def first(dataset: ConfigDict) -> torch.Tensor:
        key = repr(dataset.to_dict())
        if key not in found:
            found[key] = DATASETS.build(dataset)[0]['inputs']
        return found[key]

    return first


@parametrize(TILE_CONFIGS)
def test_data_and_metric_build(path: Path, first_inputs: Callable[[ConfigDict], torch.Tensor]):
    config = Config.fromfile(path)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        channels = first_inputs(loader.dataset).shape[0]
        repeated = config.model.backbone.type in ('HybridViT', 'SwinUNetEncoder') and channels == 1
        assert channels == config.model.backbone.get('in_channels', 3) or repeated
    assert config.tta_model.type == 'SaltTTAModel'


@parametrize(CONFIGS)
def test_pipelines_and_metric_build(path: Path):
    config = Config.fromfile(path)
    METRICS.build(config.val_evaluator)
    for transform in (*config.train_pipeline, *config.test_pipeline, *config.tta_pipeline):
        TRANSFORMS.build(transform)
    assert config.tta_model.type in MODELS


@parametrize(ALL_CONFIGS)
def test_opens_with_its_command(path: Path):
    first = path.read_text(encoding='utf-8').splitlines()[0]
    assert re.fullmatch(rf'# ([A-Z_]+=\S+ )*python tools/train\.py {path.relative_to(ROOT)}', first)


def test_no_config_imports(root: Path):
    """Mmengine 0.10.7 refuses bases that do: in a virtual environment it knows no module of Python's own."""
    for path in (root / 'configs').rglob('*.py'):
        assert not re.search(r'^\s*(import|from) ', path.read_text(encoding='utf-8'), re.MULTILINE), path


@parametrize(SALT_CONFIGS)
def test_never_flips_vertically(path: Path):
    text = Config.fromfile(path).pretty_text
    assert 'vertical' not in text
    assert 'diagonal' not in text


@parametrize(TILE_CONFIGS)
def test_salt_data_decides_the_dataset(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path):
    assert Config.fromfile(path).train_dataloader.dataset.type == 'SyntheticSaltDataset'
    (tmp_path / 'survey.json').write_text('{"amplitude": {"mean": 99.5, "std": 12.5}}')
    monkeypatch.setenv('SALT_DATA', str(tmp_path))
    config = Config.fromfile(path)
    assert config.train_dataloader.dataset.type == 'SaltDataset'
    assert config.train_dataloader.dataset.data_root == str(tmp_path)
    assert (config.model.data_preprocessor.mean, config.model.data_preprocessor.std) == (99.5, 12.5)


def test_the_network_that_ships_never_sees_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv('SALT_DATA', str(tmp_path))
    config = Config.fromfile(ROOT / 'configs' / 'salt_synthetic.py')
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        assert loader.dataset.type == 'SyntheticSaltDataset'


@pytest.mark.parametrize('name', ['transunet_r50-vit-b16', 'transunet_vit-b16'])
def test_tiles_of_224_pixels(name: str):
    """The network sees 224 pixels, the metric the tiles as they are."""
    config = Config.fromfile(ROOT / 'configs' / 'salt_224' / f'{name}.py')
    train, val = (DATASETS.build(loader.dataset)[0] for loader in (config.train_dataloader, config.val_dataloader))
    assert train['inputs'].shape == val['inputs'].shape == (1, 224, 224)
    assert train['data_samples'].gt_sem_seg.shape == (224, 224)
    assert val['data_samples'].gt_sem_seg.shape == (101, 101)
    assert {*train['data_samples'].gt_sem_seg.data.unique().tolist()} <= {0, 1}
    model = revert_sync_batchnorm(MODELS.build(reduced(config.model))).eval()
    found = model.test_step(dict(inputs=[val['inputs']], data_samples=[val['data_samples']]))[0]
    assert found.seg_logits.shape == found.pred_sem_seg.shape == (101, 101)
    assert [loss.loss_weight for loss in model.decode_head.loss_decode] == [0.5, 0.5]


def test_the_recipe_of_transunet():
    config = Config.fromfile(ROOT / 'configs' / 'salt_224' / 'transunet_r50-vit-b16.py')
    optimizer = config.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.momentum, optimizer.weight_decay) == ('SGD', 0.01, 0.9, 1e-4)
    (schedule,) = config.param_scheduler
    assert (schedule.type, schedule.power, schedule.by_epoch) == ('PolyLR', 0.9, False)
    assert (config.train_dataloader.batch_size, config.train_cfg.max_epochs) == (24, 150)
    assert config.randomness.seed == 1234
    with torch.device('meta'):
        backbone, head = MODELS.build(config.model.backbone), MODELS.build(config.model.decode_head)
    parameters = [parameter for module in (backbone, head) for parameter in module.parameters()]
    assert round(sum(parameter.numel() for parameter in parameters) / 1e6, 2) == 105.28
    assert (head.align_corners, head.dropout) == (True, None)


def test_swin_unet_sees_tiles_of_224_pixels():
    config = Config.fromfile(ROOT / 'configs' / 'salt_224' / 'swin_unet_tiny.py')
    val = DATASETS.build(config.val_dataloader.dataset)[0]
    assert val['inputs'].shape == (1, 224, 224)
    model = revert_sync_batchnorm(MODELS.build(reduced(config.model))).eval()
    found = model.test_step(dict(inputs=[val['inputs']], data_samples=[val['data_samples']]))[0]
    assert found.seg_logits.shape == found.pred_sem_seg.shape == (101, 101)
    assert [loss.loss_weight for loss in model.decode_head.loss_decode] == [0.4, 0.6]
    assert config.optim_wrapper.optimizer.lr == 0.05


@parametrize(VELOCITY_CONFIGS)
def test_velocity_trains_one_step(path: Path):
    """At full size where it is small."""
    config = Config.fromfile(path)
    if max(config.model.backbone.grid) > 100:
        config.model.backbone.backbone.base_channels = config.model.decode_head.in_channels = 4
    model = MODELS.build(config.model).train()
    shots, grid = model.backbone.num_shots, model.backbone.grid
    samples = []
    for _ in range(2):
        sample = SegDataSample()
        sample.gt_velocity = PixelData(data=2000 + 1000 * torch.rand(1, *grid))
        sample.gt_sem_seg = PixelData(data=torch.zeros(1, *grid, dtype=torch.long))
        samples.append(sample)
    length = config.model.backbone.get('num_samples', 250)
    inputs = [torch.rand(shots, length, grid[1]) for _ in samples]
    losses = model(**model.data_preprocessor(dict(inputs=inputs, data_samples=samples), True), mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    total.backward()
    assert total.isfinite()
    assert ('loss_salt' in str(list(losses))) == config.model.decode_head.get('salt_branch', False)
    assert all(parameter.grad is not None for parameter in model.parameters())


@parametrize([path for path in VELOCITY_CONFIGS if not path.stem.endswith(('_fcnvmb', '_openfwi', '_shots'))])
def test_velocity_data_and_metric_build(path: Path):
    config = Config.fromfile(path)
    train, val = (DATASETS.build(loader.dataset) for loader in (config.train_dataloader, config.val_dataloader))
    assert train.survey['seed'] != val.survey['seed']
    assert train.acquisition == val.acquisition
    baseline = METRICS.build(config.val_evaluator).baseline
    assert DATASETS.build(baseline).survey == train.survey
    assert baseline.num_models == len(train)
    assert train.acquisition.is_symmetric(train.survey['size'][1])


def test_fcnvmb_data_and_metric_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('FCNVMB_DATA', str(tmp_path))
    shots, model = np.ones((400, 301, 29), np.float32), np.full((201, 301), 2500.0)
    for split in ('train', 'test'):
        for folder, name, key, array in (('georec', 'georec', 'Rec', shots), ('vmodel', 'vmodel', 'vmodel', model)):
            (tmp_path / f'{folder}_{split}').mkdir()
            matlab.savemat(tmp_path / f'{folder}_{split}' / f'{name}1.mat', {key: array}, do_compression=True)
    Acquisition.surface(301, 29, dx=10.0, dt=0.001, nt=2000, frequency=25.0).save(tmp_path / 'acquisition.json')
    config = Config.fromfile(ROOT / 'configs' / 'attention_unet_velocity_fcnvmb.py')
    for loader in (config.train_dataloader, config.val_dataloader):
        sample = DATASETS.build(loader.dataset)[0]
        assert sample['inputs'].shape == (29, 400, 301)
        assert sample['data_samples'].gt_velocity.data.shape == (1, 201, 301)
        assert sample['data_samples'].metainfo['symmetric']
    assert METRICS.build(config.val_evaluator).profile.tolist() == [2500] * 201


def test_openfwi_data_and_metric_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('OPENFWI_DATA', str(tmp_path))
    np.save(tmp_path / 'data1.npy', np.ones((2, 5, 1000, 70), np.float32))
    np.save(tmp_path / 'model1.npy', np.full((2, 1, 70, 70), 2500, np.float32))
    for split in ('train', 'val'):
        (tmp_path / f'{split}.txt').write_text('data1.npy\tmodel1.npy\n')
    for name in ('attention_unet', 'inversionnet'):
        config = Config.fromfile(ROOT / 'configs' / f'{name}_velocity_openfwi.py')
        for loader in (config.train_dataloader, config.val_dataloader):
            dataset = DATASETS.build(loader.dataset)
            assert len(dataset) == 2
            assert dataset[1]['inputs'].shape == (5, 1000, 70)
        assert not dataset.acquisition.is_symmetric(70)
        assert METRICS.build(config.val_evaluator).profile.tolist() == [2500] * 70
