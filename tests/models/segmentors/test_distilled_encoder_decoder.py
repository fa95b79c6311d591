"""Knowledge distillation: the loss by its definition, what is trained and saved, and teachers that do not fit."""

import copy
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmattn.models.segmentors.distilled_encoder_decoder import distillation_loss
from tests.tiny import TWO_CHANNELS, write_tiny_config

NONE = dict(config='none.py', checkpoint='none.pth')


def make_teacher(folder: Path, extra: str = '', *, seed: int = 1) -> dict[str, str]:
    """A network with random weights, as a training leaves it."""
    folder.mkdir()
    path = write_tiny_config(folder, extra)
    torch.manual_seed(seed)
    model = MODELS.build(Config.fromfile(path).model)
    meta = dict(dataset_meta=dict(classes=('background', 'salt'), palette=[[0, 0, 0], [255, 255, 255]]))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'last.pth')
    return dict(config=str(path), checkpoint=str(folder / 'last.pth'))


def make_student(folder: Path, teachers: object, extra: str = '', **options: object):
    folder.mkdir()
    config = Config.fromfile(write_tiny_config(folder, extra)).model
    config.update(type='DistilledEncoderDecoder', teachers=teachers, **options)
    return MODELS.build(config)


def batch(size: tuple[int, int] = (32, 40)) -> tuple[Tensor, list[SegDataSample]]:
    torch.manual_seed(5)
    samples = []
    for _ in range(3):
        label = torch.randint(0, 2, (1, *size))
        label[:, :3] = 255
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=dict(img_shape=size)))
    return torch.randn(3, 1, *size), samples


@pytest.mark.parametrize('temperature', [1.0, 3.0])
def test_one_channel_is_two_classes(temperature: float):
    torch.manual_seed(0)
    logits, taught = torch.randn(2, 1, 4, 5), torch.rand(2, 1, 4, 5)
    known = torch.rand(2, 4, 5) > 0.3
    loss = distillation_loss(logits, taught, known, temperature=temperature)
    both = distillation_loss(
        torch.cat([0 * logits, logits], 1), torch.cat([1 - taught, taught], 1), known, temperature=temperature
    )
    torch.testing.assert_close(loss, both)
    p, q = taught[:, 0][known], (logits / temperature).sigmoid()[:, 0][known]
    expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean() * temperature**2
    torch.testing.assert_close(loss, expected)


def test_what_is_learnt_costs_nothing_and_certain_teachers_stay_finite():
    logits, known = torch.tensor([-300.0, 0.0, 2.0, 300.0]).view(1, 1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool)
    assert distillation_loss(logits, logits.sigmoid(), known).item() == pytest.approx(0, abs=1e-6)
    assert distillation_loss(-logits, logits.sigmoid(), known).item() == pytest.approx((600 + 2 * 2 * 0.3808) / 4, 1e-3)
    assert distillation_loss(logits, 1 - logits.sigmoid(), ~known).item() == 0


@pytest.mark.parametrize('extra', ['', TWO_CHANNELS])
def test_the_loss_is_that_of_the_mean_of_the_teachers(tmp_path: Path, extra: str):
    teachers = [make_teacher(tmp_path / str(seed), extra, seed=seed) for seed in (1, 2)]
    model = make_student(tmp_path / 'student', teachers, extra, distill_weight=0.5, temperature=2.0).train()
    inputs, samples = batch()
    frozen = copy.deepcopy(model)
    torch.manual_seed(7)
    losses = model.loss(inputs, samples)
    torch.manual_seed(7)
    plain = super(type(frozen), frozen).loss(inputs, samples)
    assert set(losses) - set(plain) == {'loss_distill'}
    for name, value in plain.items():
        torch.testing.assert_close(losses[name], value)
    assert all(not teacher.training for teacher in model._trained)
    size = inputs.shape[2:]
    logits = F.interpolate(frozen._logits, size, mode='bilinear', align_corners=frozen.align_corners)
    said = []
    for teacher in model._trained:
        raw = F.interpolate(teacher._forward(inputs), size, mode='bilinear', align_corners=frozen.align_corners) / 2
        said.append(raw.sigmoid() if raw.shape[1] == 1 else raw.softmax(1))
    known = torch.cat([sample.gt_sem_seg.data for sample in samples]) != 255
    expected = 0.5 * distillation_loss(logits, sum(said) / 2, known, temperature=2.0)
    assert expected.item() > 1e-4
    torch.testing.assert_close(losses['loss_distill'], expected)


def test_teachers_are_neither_trained_nor_saved_nor_needed_later(tmp_path: Path):
    teacher = make_teacher(tmp_path / 'teacher')
    model = make_student(tmp_path / 'student', [teacher]).train()
    plain = MODELS.build(Config.fromfile(teacher['config']).model)
    inputs, samples = batch()
    losses = model.loss(inputs, samples)
    before = copy.deepcopy(model._trained[0].state_dict())
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    assert list(model.state_dict()) == list(plain.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in model._trained[0].state_dict().items())
    assert all(parameter.grad is None for parameter in model._trained[0].parameters())
    copy.deepcopy(model)  # as averages of weights do, between iterations
    for path in teacher.values():
        Path(path).unlink()
    plain.load_state_dict(model.state_dict())
    alone = make_student(tmp_path / 'alone', [teacher])
    alone.load_state_dict(model.state_dict())
    metas = [dict(img_shape=(32, 40), ori_shape=(32, 40), pad_shape=(32, 40))] * 3
    assert torch.equal(alone.eval().encode_decode(inputs, metas), plain.eval().encode_decode(inputs, metas))


def test_the_gradient_pulls_towards_the_teacher(tmp_path: Path):
    model = make_student(tmp_path / 'student', [make_teacher(tmp_path / 'teacher')], distill_weight=50.0).train()
    inputs, samples = batch()
    optimizer, seen = torch.optim.Adam(model.parameters(), 1e-3), []
    for _ in range(12):
        loss = model.loss(inputs, samples)['loss_distill']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    assert seen[-1] < 0.5 * seen[0]


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(teachers=[]), ValueError, 'teachers must name at least one trained network, got []'),
        (dict(teachers=NONE), TypeError, 'teachers must be a list of dict(config=…, checkpoint=…), got {'),
        (dict(teachers=[dict(config='a')]), TypeError, 'each of teachers must be dict(config=…, checkpoint=…), got {'),
        (dict(teachers=[NONE], distill_weight=0), ValueError, 'distill_weight must be above 0, got 0'),
        (dict(teachers=[NONE], temperature=-1.0), ValueError, 'temperature must be above 0, got -1.0'),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, options: dict, error: type, message: str):
    with pytest.raises(error, match=re.escape(f'DistilledEncoderDecoder: {message}')):
        make_student(tmp_path / 'student', **options)


def test_teachers_that_do_not_fit_are_named(tmp_path: Path):
    inputs, samples = batch()
    several = make_teacher(tmp_path / 'several', TWO_CHANNELS)
    with pytest.raises(ValueError, match=r"out_channels of teacher '.*tiny.py' must be 1, got 2"):
        make_student(tmp_path / 'a', [several]).train().loss(inputs, samples)
    scaled = make_teacher(tmp_path / 'scaled', "model['data_preprocessor'] = dict(std=[30.0])\n")
    with pytest.raises(ValueError, match=r"std of data_preprocessor of teacher '.*' must be \[.*\], got \[30.0\]"):
        make_student(tmp_path / 'b', [scaled]).train().loss(inputs, samples)
    with pytest.raises(FileNotFoundError, match=r"config 'none.py' is not a file"):
        make_student(tmp_path / 'c', [NONE]).train().loss(inputs, samples)


def test_a_head_that_classifies_otherwise_is_named(tmp_path: Path):
    model = make_student(tmp_path / 'student', [make_teacher(tmp_path / 'teacher')]).train()
    model.decode_head.__dict__['cls_seg'] = torch.nn.Conv2d(16, 1, 1)
    with pytest.raises(ValueError, match='decode head CrissCrossHead does not classify by its conv_seg'):
        model.loss(*batch())
