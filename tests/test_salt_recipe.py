"""The rows of the salt recipe: each differs from the base in what it says, builds, and trains."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS, PARAM_SCHEDULERS

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.saved_weights import read_checkpoint
from tests.extras import skip_without_timm
from tests.teachers import bring_teachers

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / 'configs' / 'salt_recipe'
BEST = '../salt_best'  # all that helps in one
ROWS = [*sorted(path.stem for path in RECIPE.glob('*.py')), BEST]
CHANNELS = {'model.data_preprocessor', 'pipelines'}
HEAD = 'model.decode_head.'
_BEST = {f'{HEAD}loss_decode', f'{HEAD}empty_loss_weight', f'{HEAD}suppress_empty', 'custom_hooks', 'evaluators'}
_LENGTH = {'train_cfg.max_epochs', 'train_cfg.val_interval'}
# what each row changes
CHANGED = {
    'base': set(),
    'best_no_resize': {*_BEST, 'pipelines'},
    'best_cross_entropy': _BEST - {f'{HEAD}loss_decode'},
    'coordinates': CHANNELS,
    'deep_supervision': {f'{HEAD}deep_supervision'},
    'depth': CHANNELS,
    'distilled': {'model.type', 'model.teachers', 'pipelines'},
    'efficientnet_lite0': {'model.backbone', f'{HEAD}in_channels'},
    'efficientnet_lite2': {'model.backbone', f'{HEAD}in_channels'},
    'ema': {'custom_hooks'},
    'empty_or_not': {f'{HEAD}empty_loss_weight', f'{HEAD}suppress_empty'},
    'gates': {f'{HEAD}skip_attention'},
    'hypercolumn': {f'{HEAD}hypercolumn'},
    'large_after': {*_BEST, *_LENGTH, 'optim_wrapper.optimizer.lr', 'model.backbone', 'model.data_preprocessor'},
    'large_input': {'model.data_preprocessor'},
    'lovasz': {f'{HEAD}loss_decode', 'custom_hooks'},
    'no_resize': {'pipelines'},
    'pseudo_labels': {'train_dataloader.dataset.pseudo_masks'},
    'resnet34': {'model.backbone', f'{HEAD}in_channels'},
    'scratch': {'model.backbone'},
    'scse': {f'{HEAD}decoder_attention'},
    'smallest_body': {'evaluators'},
    'snapshots': {'param_scheduler', 'default_hooks'},
    'swa': {'custom_hooks'},
    'synthetic': {'model.backbone', f'{HEAD}init_cfg'},
    'warp': {'pipelines'},
    BEST: _BEST,
}
NARROW = {'ResNet': dict(base_channels=8), 'MobileNetV2': dict(widen_factor=0.25)}
_TOGETHER = 'model.backbone', 'model.data_preprocessor', 'custom_hooks', 'param_scheduler', 'default_hooks'


def row(name: str) -> Config:
    return Config.fromfile(RECIPE / f'{name}.py')


def leaves(tree: object, path: str = '') -> dict[str, str]:
    """What a config says, by dotted key; settings that only other settings use are left out."""
    if not isinstance(tree, dict):
        return {path: repr(tree)}
    found = {}
    for key, value in tree.items():
        found |= leaves(value, f'{path}.{key}' if path else key)
    return found


def thing(key: str) -> str:
    """What a dotted key belongs to."""
    if key.endswith('pipeline'):
        return 'pipelines'
    if '_evaluator' in key:
        return 'evaluators'
    head = '.'.join(key.split('.')[:3]) if key.startswith(HEAD) else key
    return next((whole for whole in _TOGETHER if key.startswith(whole)), head)


@pytest.mark.parametrize('name', ROWS)
def test_a_row_differs_from_the_base_in_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv('SALT_DATA', str(tmp_path))
    kept = 'model', 'train_', 'val_', 'test_', 'tta_', 'custom_hooks', 'default_hooks', 'param_scheduler', 'optim'
    ours, base = (
        {key: value for key, value in leaves(row(which).to_dict()).items() if key.startswith(kept)}
        for which in (name, 'base')
    )
    differing = {key for key in ours.keys() | base.keys() if ours.get(key) != base.get(key)}
    assert {thing(key) for key in differing} - {'test_start', 'train_start'} == CHANGED[name]


def small(name: str) -> Config:
    """A narrow network of a row, and two synthetic sections to train on."""
    config = row(name)
    encoder = config.model.backbone
    skip_without_timm(encoder)
    encoder.update(NARROW.get(encoder.type, {}), init_cfg=None)
    config.model.decode_head.pop('init_cfg', None)
    channels = [level.shape[1] for level in MODELS.build(encoder)(torch.rand(1, encoder.get('in_channels', 3), 64, 64))]
    config.model.decode_head.update(in_channels=channels, decoder_channels=(16, 16, 8, 8, 8))
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.update(num_sections=2, size=(40, 36))
    replace_sync_bn(config.model)
    return config


@pytest.mark.parametrize('name', ROWS)
def test_a_row_trains(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv('SALT_DATA', raising=False)
    config = small(name)
    bring_teachers(config.model, tmp_path)
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    model = MODELS.build(config.model).train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    losses = [float(model.train_step(batch, wrapper)['loss'].detach()) for _ in range(2) for batch in loader]
    assert len(losses) == 2
    assert all(0 < loss < float('inf') for loss in losses)
    predicted = model.eval().test_step(next(iter(Runner.build_dataloader(config.val_dataloader, seed=0))))
    assert [tile.pred_sem_seg.data.shape for tile in predicted] == [(1, 40, 36)] * 2


def trained(name: str, folder: Path) -> tuple[Runner, dict]:
    """Two epochs of one iteration each with all that a row's hooks do, and the last checkpoint."""
    config = small(name)
    config.train_cfg.update(max_epochs=2, val_interval=2)
    config.custom_hooks = [hook for hook in config.custom_hooks if hook.type not in ('CurveHook', 'OverlayHook')]
    config.default_hooks.logger.interval = 1
    config.work_dir, config.experiment_name = str(folder), folder.name
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    return runner, read_checkpoint(str(folder / 'epoch_2.pth'))


def test_the_best_recipe_changes_its_loss_halfway_and_saves_averaged_weights(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.delenv('SALT_DATA', raising=False)
    runner, saved = trained(BEST, tmp_path)
    scalars = {name: log.data[0] for name, log in runner.message_hub.log_scalars.items()}
    assert scalars['train/decode.loss_ce'][0] > 0 == scalars['train/decode.loss_ce'][1]
    assert scalars['train/decode.loss_lovasz'][0] == 0 < scalars['train/decode.loss_lovasz'][1]
    current = runner.model.state_dict()
    assert saved.keys() == current.keys()
    weight = 'decode_head.conv_seg.weight'
    assert not torch.equal(saved[weight], current[weight])


def test_the_best_recipe_has_what_the_single_rows_have():
    best = row(BEST)
    for name in ('lovasz', 'ema'):
        assert all(hook in best.custom_hooks for hook in row(name).custom_hooks)
    assert best.model.decode_head.loss_decode == row('lovasz').model.decode_head.loss_decode
    for option in ('empty_loss_weight', 'suppress_empty'):
        assert best.model.decode_head[option] == row('empty_or_not').model.decode_head[option]
    assert best.val_evaluator == row('smallest_body').val_evaluator


def test_snapshots_are_kept_where_the_cycles_end():
    config = row('snapshots')
    (restarts,) = config.param_scheduler
    assert sum(restarts.periods) == config.train_cfg.max_epochs
    assert config.default_hooks.checkpoint.interval == restarts.periods[0]
    weights = torch.nn.Parameter(torch.zeros(1))
    wrapper = OptimWrapper(torch.optim.SGD([weights], lr=1.0))
    scheduler = PARAM_SCHEDULERS.build(dict(restarts, optimizer=wrapper), default_args=dict(epoch_length=4))
    rates = []
    for _ in range(4 * config.train_cfg.max_epochs):
        rates.append(wrapper.get_lr()['lr'][0])
        wrapper.optimizer.step()
        scheduler.step()
    assert [k // 4 for k, rate in enumerate(rates) if rate == 1.0] == [0, 20, 40]
    assert max(rates) == 1.0
    assert max(rates[79], rates[159], rates[239]) < 1e-3


@pytest.mark.parametrize(('name', 'means'), [('base', None), ('coordinates', (0, 0)), ('depth', (None, 0.5))])
def test_channels_of_the_input(name: str, means: tuple | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv('SALT_DATA', raising=False)
    config = row(name)
    for pipeline, loader in (
        (config.train_pipeline, config.train_dataloader),
        (config.test_pipeline, config.val_dataloader),
    ):
        assert loader.dataset.pipeline == pipeline
        section, *others = DATASETS.build(dict(loader.dataset, num_sections=1))[0]['inputs'].float()
        for channel, mean in zip(others, means or (None, None), strict=True):
            if mean is None:
                assert torch.equal(channel, section)
            else:
                assert channel.min() >= -1
                assert channel.max() <= 1
    views = DATASETS.build(dict(config.val_dataloader.dataset, num_sections=1, pipeline=config.tta_pipeline))[0][
        'inputs'
    ]
    assert [view.shape[0] for view in views] == [3, 3]
    assert torch.equal(views[1], views[0].flip(2))


def test_a_network_of_the_synthetic_survey_passes_on_its_weights_but_not_its_amplitudes(tmp_path):
    before, config = small('base'), small('synthetic')
    before.model.data_preprocessor.update(mean=1.0, std=2.0)
    earlier = MODELS.build(before.model)
    torch.save(dict(state_dict=earlier.state_dict()), tmp_path / 'earlier.pth')
    for part, init_cfg in ((name, row('synthetic').model[name].init_cfg) for name in ('backbone', 'decode_head')):
        config.model[part].init_cfg = dict(init_cfg, checkpoint=str(tmp_path / 'earlier.pth'))
    model = MODELS.build(config.model)
    model.init_weights()
    ours, theirs = model.state_dict(), earlier.state_dict()
    differing = {name for name in ours if not torch.equal(ours[name], theirs[name])}
    assert differing == {'data_preprocessor.mean', 'data_preprocessor.std'}


def test_without_its_weights_the_base_says_which_file_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # they may be in ours
    with pytest.raises(FileNotFoundError, match=r'data/pretrained/mobilenet_v2\.pth'):
        MODELS.build(dict(row('base').model.backbone, norm_cfg=dict(type='BN'))).init_weights()


@pytest.mark.parametrize(('name', 'size'), [('base', 128), ('large_input', 256)])
def test_size_that_the_network_sees(name: str, size: int):
    processor = MODELS.build(row(name).model.data_preprocessor)
    assert processor(dict(inputs=[torch.rand(3, 101, 101)]))['inputs'].shape == (1, 3, size, size)


def test_every_row_is_described():
    text = (ROOT / 'docs' / 'benchmark.md').read_text(encoding='utf-8')
    assert [name for name in ROWS if f'`{Path(name).name}`' not in text] == []
