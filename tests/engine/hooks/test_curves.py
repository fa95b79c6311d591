"""CurveHook over real and over hand-written logs."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import HOOKS
from PIL import Image

from mmattn.engine.hooks import CurveHook, curves, read_curves


def write(work_dir: Path, stamp: str, entries: list[dict]) -> Path:
    file = work_dir / stamp / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(entry) + '\n' for entry in entries))
    return file


def train(step: int, loss: float) -> dict:
    return dict(lr=0.1, data_time=0.01, loss=loss, loss_ce=loss / 2, epoch=1, iter=step, memory=1, step=step)


def by_name(work_dir: Path) -> dict:
    return {(curve.panel, curve.name): curve for curve in read_curves(work_dir, validation_unit='epoch')}


def assert_picture(path: Path) -> None:
    image = np.asarray(Image.open(path).convert('L'))
    assert min(image.shape) > 300
    assert image.std() > 10


def test_training_leaves_a_picture_of_what_was_logged(make_runner, tmp_path, monkeypatch):
    runner = make_runner(HOOKS.build(dict(type='CurveHook')), epochs=3)
    said, add_scalars = [], runner.visualizer.add_scalars

    def listen(tag, **options):
        said.append(dict(tag))
        add_scalars(tag, **options)

    monkeypatch.setattr(runner.visualizer, 'add_scalars', listen)
    runner.train()
    assert_picture(tmp_path / 'run' / 'curves.png')
    found = by_name(tmp_path / 'run')
    loss = found['training loss', 'loss']
    assert loss.steps == list(range(1, 10))
    assert loss.values == pytest.approx([tag['loss'] for tag in said if 'loss' in tag])
    iou = found['validation: scores', 'salt_iou']
    assert iou.steps == [1, 2, 3]
    assert iou.xlabel == 'epoch'
    assert iou.best == 'max'
    assert iou.values == pytest.approx([tag['salt_iou'] for tag in said if 'salt_iou' in tag])
    assert found['validation: distance in pixels (lower is better)', 'boundary_distance'].best == 'min'
    assert found['learning rate', 'lr'].values == pytest.approx([1e-5] * 9)


def test_interrupted_training_leaves_the_picture_of_its_last_validation(make_runner, tmp_path, monkeypatch):
    runner = make_runner(CurveHook(filename='c.png'), epochs=3)
    seen = []
    monkeypatch.setattr(
        curves, 'save_curves', lambda lines, path, title: seen.append({c.name: len(c.steps) for c in lines})
    )
    original = runner.model.train_step

    def interrupt(*args, **kwargs):
        if runner.iter == 4:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(runner.model, 'train_step', interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert len(seen) == 1
    assert (seen[0]['loss'], seen[0]['salt_iou']) == (3, 1)


def test_later_runs_override(tmp_path):
    write(tmp_path, '20260101_000000', [train(step, step / 10) for step in (1, 2, 3, 4)] + [dict(salt_iou=0.5, step=1)])
    write(tmp_path, '20260102_000000', [train(step, step) for step in (3, 5)] + [dict(salt_iou=0.6, time=3.0, step=2)])
    found = by_name(tmp_path)
    assert found['training loss', 'loss'].steps == [1, 2, 3, 5]
    assert found['training loss', 'loss'].values == [0.1, 0.2, 3, 5]
    assert found['validation: scores', 'salt_iou'].values == [0.5, 0.6]
    assert {name for _, name in found} == {'loss', 'loss_ce', 'lr', 'salt_iou'}


def test_panels_and_percentages(tmp_path):
    entries = [
        dict(mIoU=40.0, aAcc=80.0, val_loss=0.3, step=1),
        train(1, 0.5) | {'decode.acc_seg': 70.0, 'grad_norm': 2.0},
    ]
    write(tmp_path, '1', entries)
    found = read_curves(tmp_path)
    assert [curve.name for curve in found[:2]] == ['loss', 'loss_ce']
    assert {curve.name for curve in found[2:5]} == {'mIoU', 'aAcc', 'val_loss'}
    panels = {curve.name: (curve.panel, curve.best) for curve in found}
    assert panels['mIoU'] == ('validation: scores (%)', 'max')
    assert panels['val_loss'] == ('validation loss', 'min')
    assert panels['decode.acc_seg'] == ('training accuracy (%)', None)
    assert panels['grad_norm'] == ('gradient norm', None)


def test_undefined_values_are_left_out(tmp_path):
    write(tmp_path, '1', [dict(salt_iou=float('nan'), step=1), dict(salt_iou=0.25, step=2)])
    (curve,) = read_curves(tmp_path)
    assert (curve.steps, curve.values) == ([2], [0.25])


def test_a_line_cut_short_by_a_kill_is_left_out_but_not_others(tmp_path):
    file = write(tmp_path, '1', [train(1, 0.5)])
    file.write_text(file.read_text() + '{"loss": 0.4, "it')
    assert by_name(tmp_path)['training loss', 'loss'].steps == [1]
    file.write_text('{"loss"\n' + file.read_text())
    with pytest.raises(ValueError, match=r'scalars\.json, line 1: not JSON'):
        read_curves(tmp_path)


def test_errors_are_logged_and_do_not_end_the_training(make_runner, tmp_path, monkeypatch):
    runner = make_runner(CurveHook(), epochs=1)

    def fail(*args, **kwargs):
        raise OSError('disk full')

    monkeypatch.setattr(curves, 'save_curves', fail)
    runner.train()
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert "curves.png was not drawn: OSError('disk full')" in log.read_text()
    assert 'Traceback' in log.read_text()


def test_nothing_logged_is_said(make_runner, tmp_path):
    runner = make_runner(CurveHook())
    CurveHook().after_train(runner)
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'CurveHook: nothing to draw' in log.read_text()
    assert not (tmp_path / 'run' / 'curves.png').exists()


def test_wrong_filename():
    with pytest.raises(ValueError, match=r"filename must end with \.png, got 'curves\.pdf'"):
        CurveHook(filename='curves.pdf')
