"""The parts of velocity estimation together: encoder, head, losses, segmentor."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmattn.attention import list_attention
from mmattn.models.backbones import AttentionUNet, InversionNet, ShotEncoder
from mmattn.models.decode_heads import VelocityHead
from mmattn.seismic.shots import Acquisition
from tests.datasets.velocity_folders import ACQUISITION

SHOTS, GRID = 2, (16, 20)
ENCODER = dict(
    type='ShotEncoder',
    num_shots=SHOTS,
    grid=GRID,
    stem_channels=(8, 8),
    backbone=dict(type='AttentionUNet', base_channels=8, num_stages=3),
)


def estimator(head: dict | None = None, backbone: dict | None = None, **options):
    config = dict(
        type='VelocityEstimator',
        data_preprocessor=dict(type='ShotDataPreProcessor', scale=0.5),
        backbone=backbone or ENCODER,
        decode_head=dict(type='VelocityHead', in_channels=8, **(head or {})),
    )
    model = MODELS.build(config | options)
    model.init_weights()
    return model


def batch(count: int = 2, *, samples: int = 40, symmetric: bool = True, **fields) -> dict:
    rng = np.random.default_rng(0)
    data_samples = []
    for index in range(count):
        sample = SegDataSample(metainfo=dict(symmetric=symmetric, img_id=str(index)))
        velocity = torch.as_tensor(rng.uniform(1600, 4400, size=(1, *GRID)), dtype=torch.float32)
        sample.gt_velocity = PixelData(data=velocity)
        sample.gt_sem_seg = PixelData(data=(velocity > 4000).long())
        data_samples.append(sample)
    inputs = [torch.as_tensor(rng.normal(size=(SHOTS, samples, 20)), dtype=torch.float32) for _ in range(count)]
    return dict(inputs=inputs, data_samples=data_samples)


@pytest.mark.parametrize('stem', ['time', 'resize'])
@pytest.mark.parametrize('branch', [False, True])
def test_learns_and_predicts_on_the_grid(stem: str, branch: bool):
    model = estimator(dict(salt_branch=branch), dict(ENCODER, stem=stem)).train()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    errors = []
    for _ in range(12):
        losses = model(**model.data_preprocessor(batch(), True), mode='loss')
        names = {'decode.loss_l1', 'decode.loss_l2', 'decode.mae'} | ({'decode.loss_salt'} if branch else set())
        assert losses.keys() == names
        total = sum(value for name, value in losses.items() if 'loss' in name)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        errors.append(float(losses['decode.mae']))
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert errors[-1] < errors[0]
    sample = model.eval().test_step(batch(samples=57))[0]
    assert (
        sample.pred_velocity.data.shape == sample.pred_sem_seg.data.shape == sample.seg_logits.data.shape == (1, *GRID)
    )
    assert 500 < float(sample.pred_velocity.data.mean()) < 6000
    assert set(sample.pred_sem_seg.data.unique().tolist()) <= {0, 1}


@pytest.mark.parametrize('stem', ['time', 'resize'])
def test_learns_in_mixed_precision(stem: str):
    model = estimator(dict(salt_branch=True), dict(ENCODER, stem=stem)).train()
    data = model.data_preprocessor(batch(), True)
    expected = model(**data, mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(**data, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    for name, value in losses.items():
        torch.testing.assert_close(value.float(), expected[name], rtol=0.03, atol=0.03)


def test_threshold_says_where_salt_is():
    model = estimator(dict(salt_velocity=3000.0)).eval()
    sample = model.test_step(batch())[0]
    assert torch.equal(sample.pred_sem_seg.data == 1, sample.pred_velocity.data >= 3000)


def test_flip_averages_with_the_reversed_line():
    plain, flipping = estimator().eval(), estimator(test_cfg=dict(flip=True)).eval()
    flipping.load_state_dict(plain.state_dict())
    data = batch(1)
    reverse = dict(batch(1), inputs=[data['inputs'][0].flip((0, 2))])
    first, second, both = (model.test_step(x)[0].pred_velocity.data for model, x in (
        (plain, data), (plain, reverse), (flipping, batch(1)),
    ))  # fmt: skip
    assert torch.allclose(both, (first + second.flip(2)) / 2, atol=0.05)
    assert not torch.allclose(both, first, atol=0.05)
    with pytest.raises(ValueError, match=r"flip needs sources and receivers that are symmetric .* '0' are not"):
        flipping.test_step(batch(1, symmetric=False))


@pytest.mark.parametrize('layer', [None, *list_attention()])
def test_any_attention_on_the_skips(layer: str | None):
    if layer == 'MixAttention':
        pytest.skip('it has two inputs')
    gate = None if layer is None else dict(type=layer)
    unet = AttentionUNet(2, base_channels=8, num_stages=3, gate=gate)
    assert [tuple(x.shape) for x in unet(torch.rand(2, 2, 12, 10))] == [(2, 32, 3, 3), (2, 16, 6, 5), (2, 8, 12, 10)]


def test_inversion_net_has_the_published_size():
    count = sum(parameter.numel() for parameter in InversionNet().parameters())
    head = VelocityHead(32, kernel_size=3)
    total = count + sum(parameter.numel() for parameter in head.parameters())
    assert total == 24_409_121  # and 2 of the published normalisation: 24.41 million
    net = InversionNet(2, num_samples=130, num_receivers=20, grid=(17, 20)).eval()
    assert net(torch.rand(1, 2, 130, 20))[0].shape == (1, 32, 17, 20)
    with pytest.raises(ValueError, match=r'expected gathers .* of \(2, 130, 20\), got \(2, 20, 130\)'):
        net(torch.rand(1, 2, 20, 130))


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(num_shots=0), ValueError, 'num_shots must be at least 1, got 0'),
        (dict(grid=(3,)), ValueError, 'grid must have 2 numbers'),
        (dict(stem='fft'), ValueError, "stem must be one of 'time', 'resize', 'none', got 'fft'"),
        (dict(backbone='UNet'), TypeError, 'backbone must be a dict with a type'),
        (dict(backbone=dict(type='AttentionUNet', in_channels=3)), ValueError, 'may not have in_channels'),
    ],
)
def test_wrong_encoder_options(options: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        ShotEncoder(**(dict(num_shots=2, grid=GRID) | options))


def test_other_numbers_of_shots_are_refused():
    encoder = ShotEncoder(3, grid=GRID, backbone=ENCODER['backbone'])
    with pytest.raises(ValueError, match='num_shots of the config must be that of the data'):
        encoder(torch.rand(1, 2, 40, 20))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(velocity_range=(4500, 1500)), 'velocity_range must be two speeds, the lower first'),
        (dict(velocity_range=(1.5, 4.5)), 'velocity_range must be from 300 to 9000, got 1.5'),
        (dict(kernel_size=2), 'kernel_size must be odd, got 2'),
        (dict(loss_decode=[]), 'loss_decode must name one loss at least'),
        (dict(loss_decode=[dict(type='RegressionLoss')] * 2), "two losses are named 'loss_l1'"),
        (dict(salt_velocity=4.25), 'salt_velocity must be from 300 to 9000'),
    ],
)
def test_wrong_head_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        VelocityHead(8, **options)


def test_wrong_estimators():
    with pytest.raises(ValueError, match='backbone AttentionUNet has no grid; wrap it'):
        estimator(backbone=dict(type='AttentionUNet', in_channels=2, base_channels=8, num_stages=3))
    with pytest.raises(ValueError, match=r"test_cfg\.mode must be 'whole'"):
        estimator(test_cfg=dict(mode='slide'))
    with pytest.raises(ValueError, match='test_cfg has stride'):
        estimator(test_cfg=dict(stride=3))
    with pytest.raises(ValueError, match='velocity_range of the head'):
        estimator(dict(velocity_range=(1000, 5000)))


def test_models_of_two_sizes_in_a_batch():
    data = batch()
    data['data_samples'][0].gt_velocity = PixelData(data=torch.full((1, 8, 8), 2000.0))
    model = estimator()
    with pytest.raises(ValueError, match='models of a batch differ in size'):
        model(**model.data_preprocessor(data, True), mode='loss')


def test_waveform_loss_has_a_gradient_and_vanishes_at_the_truth():
    pytest.importorskip('deepwave')
    from mmattn.waves import model_shots

    acquisition = Acquisition.surface(20, 2, dx=30.0, dt=0.004, nt=100, frequency=8.0)
    truth = np.full(GRID, 2000, np.float32)
    truth[8:] = 2600
    sample = SegDataSample(metainfo=dict(acquisition=acquisition.as_dict()))
    sample.gt_shots = PixelData(data=torch.as_tensor(model_shots(truth, acquisition, warn=False)))
    loss = MODELS.build(dict(type='WaveformLoss', num_shots=2, frequency=10.0))
    assert float(loss(torch.as_tensor(truth)[None, None], [sample])) < 1e-4  # another inner time step
    guess = torch.full((1, 1, *GRID), 2200.0, requires_grad=True)
    value = loss(guess, [sample])
    value.backward()
    assert float(value) > 0.01
    assert guess.grad.abs().max() > 0
    with pytest.raises(ValueError, match='samples lack gt_shots; set keep_shots=True'):
        loss(guess, [SegDataSample(metainfo=dict(acquisition=ACQUISITION.as_dict()))])
    head = VelocityHead(8, loss_decode=dict(type='WaveformLoss'))
    sample.gt_velocity = PixelData(data=torch.as_tensor(truth)[None])
    assert head.loss([torch.rand(1, 8, *GRID)], [sample]).keys() == {'loss_waveform', 'mae'}
