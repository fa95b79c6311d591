"""The robustness card: what is scored, and what is not hurt."""

import csv

import cv2
import numpy as np
import pytest
import torch
from mmseg.apis import init_model

import mmattn
from mmattn.inference.loading import SaltPredictor
from mmattn.inference.robustness import robustness, save_card
from mmattn.inference.temperature import salt_logits, save_temperature, with_temperature
from mmattn.seismic.changes import CHANGES
from mmattn.seismic.synthetic import SyntheticSurvey
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> SaltPredictor:
    segmentor = init_model(str(write_tiny_config(tmp_path_factory.mktemp('model'))), device='cpu')
    return SaltPredictor(segmentor, batch_size=3)


@pytest.fixture(scope='module')
def sections() -> tuple[np.ndarray, np.ndarray]:
    survey = SyntheticSurvey((48, 40), seed=4)
    drawn = [survey.section(index) for index in range(5)]
    return np.stack([section.image for section in drawn]), np.stack([section.mask for section in drawn])


def test_a_perfect_network_loses_what_a_change_hides(sections, model, monkeypatch):
    images, masks = sections
    answers = {image.tobytes(): mask for image, mask in zip(images, masks)}
    blank = np.zeros_like(masks[0])
    monkeypatch.setattr(model, 'many', lambda given: np.stack([answers.get(image.tobytes(), blank) for image in given]))
    changes = {name: CHANGES[name] for name in ('as it is', 'gain 0.1')}
    kept, lost = robustness(model, images, masks, changes=changes)
    assert (kept['change'], kept['iou'], kept['lost'], kept['mean_precision']) == ('as it is', 1.0, 0.0, 1.0)
    assert (lost['iou'], lost['lost']) == (0.0, 1.0)


def test_rows_come_by_change_and_are_drawn(sections, model, tmp_path):
    rows = robustness(model, *sections, changes=dict(list(CHANGES.items())[:3]))
    assert [row['change'] for row in rows] == list(CHANGES)[:3]
    assert rows == robustness(model, *sections, changes=dict(list(CHANGES.items())[:3]))
    assert save_card(tmp_path / 'card.png', rows).stat().st_size > 1000
    with pytest.raises(ValueError, match='images and masks must be as many, one at least, got 5 and 4'):
        robustness(model, sections[0], sections[1][:4])


def test_many_sections_are_those_one_by_one(sections, model):
    images, _ = sections
    many = model.many(images)
    assert many.shape == images.shape
    one = SaltPredictor(model.segmentor, window=images.shape[1:])
    assert np.allclose(many, [one.many(image[None])[0] for image in images], atol=1e-5)
    with pytest.raises(ValueError, match=r'sections must be \(N, H, W\)'):
        model.many(images[0])


def test_temperature_is_used_and_saved(sections, model, tmp_path):
    logits = salt_logits(model, sections[0])
    warm = with_temperature(model, 2.0)
    assert warm.temperature == 2.0
    assert np.allclose(warm.many(sections[0]), 1 / (1 + np.exp(-logits / 2)), atol=1e-4)
    assert np.allclose(salt_logits(warm, sections[0]), logits, atol=1e-3)
    kept = [mmattn.load(one.save(tmp_path / name)).temperature for name, one in (('warm', warm), ('model', model))]
    assert kept == [2.0, 1.0]  # to measure logits changes nothing, nor does another temperature
    saved = with_temperature(warm, 3.0).save(tmp_path / 'saved', half=True)
    again = mmattn.load(saved)
    assert again.temperature == 3.0
    assert next(again.segmentor.parameters()).dtype == torch.float32
    assert np.allclose(again.many(sections[0]), 1 / (1 + np.exp(-logits / 3)), atol=0.01)
    source, target = tmp_path / 'epoch.pth', tmp_path / 'calibrated.pth'
    torch.save(dict(state_dict=model.segmentor.state_dict(), meta=dict(dataset_meta=dict(classes=('a', 'b')))), source)
    save_temperature(source, target, 1.5)
    assert torch.load(target, weights_only=True)['meta']['dataset_meta'] == dict(classes=('a', 'b'), temperature=1.5)
    with pytest.raises(ValueError, match='temperature must be above 0, got 0'):
        with_temperature(model, 0)


def test_the_command_writes_the_card(model, tmp_path, monkeypatch, capsys):
    saved = model.save(tmp_path / 'saved')
    options = ('--sections', 1, '--out', tmp_path / 'card')
    done = run_here(monkeypatch, capsys, 'robustness.py', saved, *options)
    assert done.returncode == 0, done.stderr
    assert 'noise, 0 dB' in done.stdout
    with (tmp_path / 'card.csv').open() as file:
        assert [row['change'] for row in csv.DictReader(file)] == list(CHANGES)
    assert (tmp_path / 'card.png').is_file()


def test_calibrate_writes_a_network_with_its_temperature(model, sections, tmp_path, monkeypatch, capsys):
    data = tmp_path / 'data'
    for folder in ('images', 'masks'):
        (data / folder).mkdir(parents=True)
    rows = ['id,group,fold,coverage']
    for number, (image, mask) in enumerate(zip(*sections)):
        cv2.imwrite(str(data / 'images' / f't{number}.png'), image)
        cv2.imwrite(str(data / 'masks' / f't{number}.png'), mask * 255)
        rows.append(f't{number},g{number},{number % 2},{mask.mean():.4f}')
    (data / 'folds.csv').write_text('\n'.join(rows) + '\n')
    saved = model.save(tmp_path / 'network')
    options = ('--data', data, '--fold', 0, '--report', 1)
    done = run_here(monkeypatch, capsys, 'calibrate.py', saved, tmp_path / 'calibrated', *options)
    assert done.returncode == 0, done.stderr
    assert '3 tiles of folds [0]' in done.stdout
    assert 'folds [1], 2 tiles' in done.stdout
    assert f'temperature {mmattn.load(tmp_path / "calibrated").temperature:.3f}' in done.stdout
    again = run_here(monkeypatch, capsys, 'calibrate.py', saved, tmp_path / 'calibrated', *options)
    assert 'is there already' in again.stderr
    leak = run_here(monkeypatch, capsys, 'calibrate.py', saved, tmp_path / 'other', *options[:-1], 0)
    assert '--report has folds of --fold' in leak.stderr


def test_adapting_changes_statistics_alone(model):
    survey = SyntheticSurvey((40, 40), seed=6)
    images = [survey.section(index).image for index in range(20)]
    before = {name: value.clone() for name, value in model.segmentor.state_dict().items()}
    adapted = model.adapted(images)
    after = adapted.segmentor.state_dict()
    changed = {name.rsplit('.', 1)[1] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {'running_mean', 'running_var', 'num_batches_tracked'}
    assert all(torch.equal(value, before[name]) for name, value in model.segmentor.state_dict().items())
    with pytest.raises(ValueError, match='at least 16 windows of one size, got 3'):
        model.adapted(images[:3])
