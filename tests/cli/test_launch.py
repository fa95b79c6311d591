"""Configs given by users, and from what a training starts."""

import os
import subprocess
import sys

import pytest
from mmengine.config import Config

from mmattn.cli.launch import (
    check_test_parts,
    choose_start,
    choose_work_dir,
    fit_to_loop,
    hold_work_dir,
    innermost_datasets,
    load_config,
    save_predictions,
    save_within_epochs,
    use_tta,
)
from mmattn.common.errors import InputError


def config(**options) -> Config:
    return Config(dict(model=dict()) | options)


def test_a_missing_config_is_named():
    with pytest.raises(InputError, match=r"config 'nowhere.py' is not a file"):
        load_config('nowhere.py')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = ', 'cannot be read: SyntaxError'),
        ("_base_ = ['gone.py']", 'cannot be read'),
        ('a = 1', 'has no `model`'),
    ],
)
def test_a_broken_config_is_one_line(tmp_path, text: str, message: str):
    (tmp_path / 'broken.py').write_text(text)
    with pytest.raises(InputError, match=message) as error:
        load_config(str(tmp_path / 'broken.py'))
    assert '\n' not in str(error.value)


def test_options_override(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict(depth=18)')
    assert load_config(str(tmp_path / 'a.py'), {'model.depth': 50}).model.depth == 50


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'modle.depth': 50}, "--cfg-options modle.depth: config '.*' has no 'modle'; did you mean 'model'[?]"),
        ({'zzz': 1}, "--cfg-options zzz: config '.*' has no 'zzz'; there are model"),
        ({'model.depth.x': 1}, "--cfg-options do not fit '.*': TypeError: depth="),
        ({'depth': 50}, "--cfg-options depth: 'depth' is a variable of '.*', which .* read: set model.depth$"),
        ({'file': 'b'}, 'which was used while it was read: set model.encoder.0$'),
        ({'old': 5}, 'which was used while it was read: set what was made of it$'),
    ],
)
def test_options_that_nothing_reads_or_that_do_not_fit_are_named(tmp_path, options: dict, message: str):
    text = "depth, file, old = 18, 'a.pth', 18\nmodel = dict(depth=depth, encoder=[file])"
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(str(tmp_path / 'a.py'), options)


def test_settings_of_the_runner_need_not_be_in_the_config(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict(depth=18)')
    options = {'randomness.seed': 3, 'find_unused_parameters': True, 'model_wrapper_cfg.type': 'A'}
    config = load_config(str(tmp_path / 'a.py'), options)
    assert (config.randomness.seed, config.find_unused_parameters, config.model_wrapper_cfg.type) == (3, True, 'A')


def test_test_time_augmentation_wraps_the_model():
    cfg = Config(dict(model=dict(a=1), test_dataloader=dict(dataset=dict(pipeline=[]))))
    with pytest.raises(InputError, match=r"--tta: config 'a.py' has no tta_model and tta_pipeline"):
        use_tta(cfg, 'a.py')
    cfg.merge_from_dict(dict(tta_model=dict(type='T'), tta_pipeline=[dict(type='P')]))
    use_tta(cfg, 'a.py')
    assert cfg.model == dict(type='T', module=dict(a=1))
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='P')]


def test_a_second_training_is_refused(tmp_path):
    config = Config(dict(work_dir=str(tmp_path)))
    hold_work_dir(config)
    code = (
        'import fcntl, sys; from mmattn.common.files import hold_folder\n'
        f'try: hold_folder({str(tmp_path)!r}, ".training.lock")\n'
        'except FileExistsError as error: print(error)'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert f'{str(tmp_path)!r} is in use by another process: process {os.getpid()} on ' in result.stdout
    with pytest.raises(InputError, match=r'is in use by another process.*; wait for it, or name another --work-dir'):
        hold_work_dir(config)


def test_checkpoints_within_epochs_need_a_number_and_a_hook():
    config = Config(dict(default_hooks=dict(stop=dict(type='StopSafelyHook'))))
    save_within_epochs(config, 'a.py', 5)
    assert config.default_hooks.stop.interval == 5
    with pytest.raises(InputError, match='--checkpoint-every must be at least 1, got 0'):
        save_within_epochs(config, 'a.py', 0)
    with pytest.raises(InputError, match=r"config 'a\.py' has no hook"):
        save_within_epochs(Config(dict(model=dict())), 'a.py', 5)


@pytest.mark.parametrize(
    ('own', 'given', 'expected'), [(None, None, 'work_dirs/x'), ('own', None, 'own'), ('own', 'given', 'given')]
)
def test_work_dir(tmp_path, monkeypatch, own: str | None, given: str | None, expected: str):
    monkeypatch.chdir(tmp_path)
    cfg = Config(dict(work_dir=own) if own else {})
    choose_work_dir(cfg, 'configs/x.py', given)
    assert cfg.work_dir == expected
    assert (tmp_path / expected).is_dir()


def test_a_work_dir_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match=r"--work-dir: nothing can be written into '.*file' \(File exists\)"):
        choose_work_dir(Config({}), 'configs/x.py', str(tmp_path / 'file'))


def test_a_tool_ends_with_one_line(root):
    command = [sys.executable, 'tools/train.py', 'nowhere.py']
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1] == "error: config 'nowhere.py' is not a file"
    assert 'Traceback' not in result.stderr


def test_datasets_are_found_inside_wrappers():
    one, two = dict(type='A', pipeline=[1]), dict(type='B', pipeline=[2])
    repeated = dict(type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=[one, two]))
    assert innermost_datasets(repeated) == [one, two]
    assert innermost_datasets(one) == [one]
    mixed = dict(type='MultiImageMixDataset', dataset=one, pipeline=[3])
    assert innermost_datasets(mixed) == [mixed]


def test_tta_reaches_wrapped_datasets():
    inner = [dict(type='SaltDataset', pipeline=[dict(type='a')]) for _ in range(2)]
    dataset = dict(type='ConcatDataset', datasets=inner)
    own = config(test_dataloader=dict(dataset=dataset), tta_model=dict(type='T'), tta_pipeline=[dict(type='b')])
    use_tta(own, 'c.py')
    assert [part.pipeline[0].type for part in own.test_dataloader.dataset.datasets] == ['b', 'b']
    assert 'pipeline' not in own.test_dataloader.dataset


@pytest.mark.parametrize(
    ('types', 'writers'),
    [(['SaltMetric'], [0]), (['IoUMetric', 'SaltMetric'], [1]), (['DepthMetric', 'IoUMetric'], [0, 1])],
)
def test_the_metrics_that_can_write(types: list[str], writers: list[int], tmp_path):
    """Two that write the same files otherwise would overwrite each other's."""
    own = config(test_evaluator=[dict(type=kind) for kind in types])
    save_predictions(own, 'c.py', '--out', dict(output_dir=str(tmp_path), keep_results=True))
    assert [index for index, one in enumerate(own.test_evaluator) if 'output_dir' in one] == writers
    own = config(test_evaluator=dict(type='SaltMetric'))
    save_predictions(own, 'c.py', '--out', dict(output_dir=str(tmp_path), keep_results=True))
    assert own.test_evaluator.keep_results is True


@pytest.mark.parametrize('evaluator', [None, [], [dict(type='CityscapesMetric')], dict(type='Gone')])
def test_no_metric_that_can_write_is_one_line(evaluator):
    with pytest.raises(InputError, match=r"--out-labels: no metric of test_evaluator in 'c.py' can write that"):
        save_predictions(config(test_evaluator=evaluator), 'c.py', '--out-labels', dict(label_dir='x'))


def test_missing_test_parts_are_named():
    with pytest.raises(InputError, match=r"config 'c\.py' has no test_dataloader and no test_evaluator"):
        check_test_parts(config(test_cfg=dict(type='TestLoop')), 'c.py')


@pytest.mark.parametrize(
    ('in_config', 'option', 'expected'), [(True, False, True), (False, True, True), (None, False, False)]
)
def test_resume_is_asked_for_by_the_config_too(tmp_path, in_config, option: bool, expected: bool):
    own = config(resume=in_config, work_dir=str(tmp_path), load_from=None)
    choose_start(own, resume=option)
    assert own.resume is expected


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(resume='maybe'), "resume must be True or False, got 'maybe'"),
        (dict(load_from=5), 'load_from must be the path of a checkpoint, got 5'),
        (dict(load_from='gone.pth'), "checkpoint 'gone.pth' is not a file"),
    ],
)
def test_wrong_starts_are_named(tmp_path, options: dict, message: str):
    with pytest.raises(InputError, match=message):
        choose_start(config(work_dir=str(tmp_path), **options), resume=False)


@pytest.mark.parametrize('content', ['', 'gone.pth'])
def test_a_damaged_pointer_to_the_last_checkpoint_is_named(tmp_path, content: str):
    (tmp_path / 'last_checkpoint').write_text(content)
    with pytest.raises(InputError, match=r"--resume: '.*last_checkpoint' names '.*', which is no file"):
        choose_start(config(work_dir=str(tmp_path)), resume=True)


def test_what_counts_epochs_is_fitted_to_iterations():
    loop = dict(type='IterBasedTrainLoop', max_iters=50, val_interval=25)
    cosine, hooks = dict(type='CosineAnnealingLR', by_epoch=False), dict(checkpoint=dict(by_epoch=True), logger={})
    own = config(train_cfg=loop, param_scheduler=[cosine], default_hooks=hooks)
    fit_to_loop(own, 'c.py')
    assert own.default_hooks.checkpoint == dict(by_epoch=False, interval=25)
    assert own.log_processor.by_epoch is False
    own.param_scheduler = [cosine, dict(type='MultiStepLR')]
    with pytest.raises(InputError, match=r"param_scheduler\[1\] \(MultiStepLR\) of 'c.py' counts epochs, train_cfg"):
        fit_to_loop(own, 'c.py')
    before = config(train_cfg=dict(type='EpochBasedTrainLoop'), param_scheduler=[dict(type='MultiStepLR')])
    after = before.copy()
    fit_to_loop(after, 'c.py')
    assert after.to_dict() == before.to_dict()


def test_weights_to_start_from_must_be_there(tmp_path):
    there = tmp_path / 'there.pth'
    there.touch()
    parts = [dict(init_cfg=dict(type='Pretrained', checkpoint=name)) for name in (str(there), 'torchvision://resnet50')]
    model = dict(init_cfg=dict(type='Normal', layer='Conv2d'), backbone=dict(parts=parts))
    choose_start(config(model=model, work_dir=str(tmp_path)), resume=False)
    first = dict(type='Normal', layer='Conv2d')
    parts.append(dict(init_cfg=[first, dict(type='Pretrained', checkpoint='data/gone.pth')]))
    message = r"model.backbone.parts.2.init_cfg.checkpoint: 'data/gone.pth' is not a file; docs/pretrained.md says"
    with pytest.raises(InputError, match=message):
        choose_start(config(model=model, work_dir=str(tmp_path)), resume=False)


def test_teachers_must_be_there(tmp_path):
    there = tmp_path / 'there.pth'
    there.touch()
    teachers = [dict(config='salt_best', checkpoint=str(there))]
    choose_start(config(model=dict(teachers=teachers), work_dir=str(tmp_path)), resume=False)
    teachers.append(dict(config='salt_best', checkpoint='work_dirs/gone.pth'))
    message = (
        r"model.teachers.1.checkpoint: 'work_dirs/gone.pth' is not a file; train 'salt_best' first, or name another"
    )
    with pytest.raises(InputError, match=message):
        choose_start(config(model=dict(teachers=teachers), work_dir=str(tmp_path)), resume=False)
