"""The recipes of U-MixFormer and FeedFormer: the optimiser, the data and where the encoders' weights come from."""

from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmseg.registry import MODELS, TRANSFORMS
from torch import nn

from tests.golden_vectors import load_golden
from tests.test_configs import ROOT, reduced

ENCODERS = ('mit-b0', 'mscan-t', 'lvt')
NORMS = (nn.LayerNorm, nn.modules.batchnorm._BatchNorm)


def recipe(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}_160k.py')


def optimiser(config: Config) -> tuple[nn.Module, OptimWrapper]:
    model = revert_sync_batchnorm(MODELS.build(reduced(config.model)))
    return model, build_optim_wrapper(model, config.optim_wrapper)


@pytest.mark.parametrize(
    'name',
    [
        *(f'ade20k/umixformer_{encoder}' for encoder in ENCODERS),
        'cityscapes/umixformer_mit-b0',
        'ade20k/feedformer_lvt',
        'cityscapes/feedformer_mit-b0',
    ],
)
def test_heads_learn_ten_times_as_fast_and_no_norm_decays(name: str):
    model, wrapper = optimiser(recipe(name))
    groups = {id(p): group for group in wrapper.optimizer.param_groups for p in group['params']}
    seen = set()
    for path, module in model.named_modules():
        for kind, parameter in module.named_parameters(recurse=False):
            group, head, norm = groups.pop(id(parameter)), path.startswith('decode_head'), isinstance(module, NORMS)
            expected = 6e-4 if head else 6e-5, 0.0 if norm else 0.01
            assert (group['lr'], group['weight_decay']) == pytest.approx(expected), f'{path}.{kind}'
            seen.add((head, norm, kind))
    assert groups == {}
    kinds = {(head, norm, kind) for head in (True, False) for norm in (True, False) for kind in ('weight', 'bias')}
    assert kinds <= seen  # biases that are no norm's decay, as published


def test_position_embeddings_do_not_decay():
    config = recipe('ade20k/umixformer_mit-b0')
    model = nn.Module()
    options = dict(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), pretrain_img_size=32)
    model.backbone = MODELS.build(dict(type='SwinTransformer', use_abs_pos_embed=True, **options))
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    embedding = model.backbone.absolute_pos_embed
    group = next(group for group in optimizer.param_groups if group['params'][0] is embedding)
    assert (group['lr'], group['weight_decay']) == (6e-5, 0.0)


@pytest.mark.parametrize('data', ['ade20k', 'cityscapes'])
def test_the_learning_rate_rises_then_falls_in_a_line(data: str):
    config = recipe(f'{data}/umixformer_mit-b0')
    wrapper = build_optim_wrapper(nn.Linear(2, 2), config.optim_wrapper)
    assert wrapper.optimizer.defaults['betas'] == (0.9, 0.999)
    schedulers = [PARAM_SCHEDULERS.build(dict(optimizer=wrapper, **options)) for options in config.param_scheduler]
    rates = {}
    for iteration in range(3001):
        rates[iteration] = wrapper.optimizer.param_groups[0]['lr']
        wrapper.optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] == pytest.approx(6e-11)
    assert rates[750] == pytest.approx(3e-5, rel=2e-3)
    assert rates[1500] == pytest.approx(6e-5, rel=1e-4)
    assert rates[3000] == pytest.approx(6e-5 * (1 - 1500 / 158500), rel=1e-4)
    assert config.param_scheduler[-1].end == config.train_cfg.max_iters == 160000


@pytest.mark.parametrize(
    ('name', 'batch_size', 'crop', 'scale'),
    [
        ('ade20k/umixformer_mit-b0', 4, (512, 512), (2048, 512)),
        ('ade20k/umixformer_mit-b5-640', 4, (640, 640), (2048, 640)),
        ('cityscapes/umixformer_mit-b0', 2, (1024, 1024), (2048, 1024)),
    ],
)
def test_crops_and_scales(name: str, batch_size: int, crop: tuple[int, int], scale: tuple[int, int]):
    config = recipe(name)
    assert config.train_dataloader.batch_size == batch_size
    train = {step.type: step for step in config.train_dataloader.dataset.pipeline}
    test = {step.type: step for step in config.test_dataloader.dataset.pipeline}
    assert train['RandomCrop'].crop_size == crop == config.model.data_preprocessor.size
    assert train['RandomResize'].scale == test['Resize'].scale == scale
    assert config.val_dataloader.dataset.pipeline == config.test_pipeline
    assert config.train_dataloader.dataset.pipeline == config.train_pipeline


def test_test_images_of_ade20k_are_multiples_of_32_and_labels_as_they_are():
    steps = [TRANSFORMS.build(step) for step in recipe('ade20k/umixformer_mit-b0').test_pipeline]
    data = dict(img=np.zeros((333, 411, 3), np.uint8), img_shape=(333, 411), ori_shape=(333, 411))
    for step in steps[1:3]:
        data = step(data)
    assert data['img'].shape == (512, 640, 3)  # 512 x 632 rounded up
    assert [type(step).__name__ for step in steps[3:]] == ['LoadAnnotations', 'PackSegInputs']


def test_cityscapes_is_tested_in_windows():
    config = recipe('cityscapes/umixformer_mscan-b')
    assert config.model.test_cfg == dict(mode='slide', crop_size=(1024, 1024), stride=(768, 768))
    assert config.model.decode_head.query_reduction == 2
    assert recipe('ade20k/umixformer_mscan-b').model.test_cfg.mode == 'whole'


def embed_dims(data: str, head: str) -> dict[str, int]:
    names = {path.stem.split('_')[1] for path in (ROOT / 'configs' / data).glob(f'{head}_*.py')}
    return {name: recipe(f'{data}/{head}_{name}').model.decode_head.get('embed_dims', 128) for name in names}


def test_every_published_variant_is_there():
    mit = {f'mit-b{i}': 128 for i in range(6)}
    others = dict.fromkeys(('lvt', 'mscan-t', 'mscan-s', 'mscan-b'), 128)
    wide = dict.fromkeys(('mit-b2', 'mit-b3', 'mit-b4', 'mit-b5', 'mit-b5-640'), 768)
    assert embed_dims('ade20k', 'umixformer') == {**mit, **others, **wide}
    assert embed_dims('cityscapes', 'umixformer') == {**mit, **others, 'mit-b2': 768}
    for data in ('ade20k', 'cityscapes'):
        assert embed_dims(data, 'feedformer') == {'mit-b0': 128, 'lvt': 128, 'mit-b2': 768}


def test_addresses_of_weights_are_mmsegs():
    ours = {
        Config.fromfile(path).encoder.init_cfg.checkpoint
        for pattern in ('mit-b*.py', 'mscan-*.py')
        for path in (ROOT / 'configs' / '_base_' / 'encoders').glob(pattern)
    }
    folder = Path(mmseg.__file__).parent / '.mim' / 'configs'
    if not folder.is_dir():
        pytest.skip('this MMSegmentation was installed without its configs')
    theirs = ''.join(path.read_text() for name in ('segformer', 'segnext') for path in (folder / name).glob('*.py'))
    assert len(ours) == 9
    of_host = {address: address.partition('/mmsegmentation/')[2] for address in ours}  # each family has its own host
    assert [address for address, path in of_host.items() if not path or path not in theirs] == []


def command_line(config: Config, **options: str) -> Config:
    """Applies ``--cfg-options``."""
    config.merge_from_dict(
        {key.replace('__', '.'): DictAction._parse_iterable(value) for key, value in options.items()}
    )
    return config


@pytest.mark.parametrize('encoder', ENCODERS)
def test_from_scratch_by_one_option(encoder: str):
    config = command_line(recipe(f'ade20k/umixformer_{encoder}'), model__backbone__init_cfg='None')
    assert config.model.backbone.init_cfg is None
    assert config.model.backbone.type in ('MixVisionTransformer', 'MSCAN', 'LVT')


def local(encoder: str, file: Path) -> nn.Module:
    """A reduced model whose encoder's weights are in a local file, by one option, as a runner initialises it."""
    config = command_line(recipe(f'ade20k/umixformer_{encoder}'), model__backbone__init_cfg__checkpoint=str(file))
    init_cfg = config.model.backbone.init_cfg
    model = reduced(config.model)
    model.backbone.init_cfg = init_cfg
    model = revert_sync_batchnorm(MODELS.build(model))
    model.init_weights()
    return model


@pytest.mark.parametrize('encoder', ['mit-b0', 'mscan-t'])
def test_a_local_file_loads_and_what_did_not_match_is_said(encoder: str, tmp_path: Path):
    published = MODELS.build(reduced(recipe(f'ade20k/umixformer_{encoder}').model).backbone)
    tensors = {name: torch.rand_like(tensor.float()) for name, tensor in published.state_dict().items()}
    first, second, *rest = [name for name in tensors if not name.endswith('num_batches_tracked')]
    del tensors[first]
    torch.save(dict(state_dict={**tensors, second: torch.ones(3, 3), 'head.weight': torch.ones(2)}), tmp_path / 'e.pth')
    said = tmp_path / 'log.txt'
    MMLogger.get_instance(f'local-{encoder}', log_file=str(said))
    try:
        loaded = local(encoder, tmp_path / 'e.pth').backbone.state_dict()
    finally:
        MMLogger._instance_dict.pop(f'local-{encoder}')
    assert all(torch.equal(loaded[name].float(), tensors[name]) for name in rest)
    text = said.read_text()
    assert f'missing keys in source state_dict: {first}' in text
    assert f'size mismatch for {second}' in text
    assert 'unexpected key in source state_dict: head.weight' in text


def test_the_published_lvt_file_loads_as_it_is(tmp_path: Path):
    weights, vectors = load_golden('lvt_tiny')
    torch.save(dict(state_dict={**weights, 'classifier.weight': torch.ones(2)}), tmp_path / 'lvt.pth.tar')
    config = recipe('cityscapes/umixformer_lvt')
    command_line(config, model__backbone__init_cfg__checkpoint=str(tmp_path / 'lvt.pth.tar'))
    encoder = MODELS.build(dict(config.model.backbone, embed_dims=(8, 8, 20, 16)))
    encoder.init_weights()
    for i, y in enumerate(encoder.eval()(vectors['x'])):
        torch.testing.assert_close(y, vectors[f'y/{i}'], rtol=1e-5, atol=1e-5)


def test_weights_that_are_not_there_are_an_error():
    with pytest.raises(FileNotFoundError, match=r'data/pretrained/lvt\.pth'):
        MODELS.build(recipe('ade20k/feedformer_lvt').model.backbone).init_weights()
