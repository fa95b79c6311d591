"""Sections: exact where the network is, batched, of any size, of one and two channels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import MMSegInferencer, inference_model, init_model

from mmattn.cli.device import replace_sync_bn
from mmattn.datasets import SegySaltDataset
from mmattn.evaluation import salt_probability
from mmattn.inference import TilePredictor, default_window, predict_section
from tests.inference.models import GreyModel, build_tiny

PIPELINE = [dict(type='LoadImageFromNDArray'), dict(type='SingleChannel'), dict(type='PackSegInputs')]


def section(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(128, 40, (height, width)).astype(np.float32)


@pytest.mark.parametrize('out_channels', [1, 2])
@pytest.mark.parametrize('size', [(50, 70), (7, 5), (1, 1), (24, 33)])
@pytest.mark.parametrize('flip', [False, True])
def test_a_pixelwise_model_comes_back_exactly(out_channels: int, size: tuple[int, int], flip: bool):
    array = section(*size)
    probability = predict_section(GreyModel(out_channels), array, window=(24, 32), overlap=0.5, flip=flip)
    assert probability.dtype == np.float32
    assert probability.shape == size
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-(array - 128) / 32)), atol=3e-7)


def test_constant_certainty_stays_within_bounds():
    probability = predict_section(GreyModel(), np.full((90, 90), 4000, np.float32), window=(32, 32), overlap=0.6)
    assert probability.max() == probability.min() == 1


@pytest.mark.parametrize('out_channels', [1, 2])
def test_one_window_equals_mmseg(out_channels: int):
    model = build_tiny(out_channels=out_channels)
    model.cfg = Config(dict(test_pipeline=PIPELINE))
    array = section(44, 37)
    expected = salt_probability(inference_model(model, array).seg_logits.data).numpy()
    assert expected.std() > 0.05
    np.testing.assert_allclose(predict_section(model, array, window=(64, 64)), expected, atol=1e-5)


def test_mmseg_s_own_inference_takes_models_of_volumes(tmp_path):
    """An array or an image file, through the pipeline that a config of volumes has."""
    config = Config.fromfile(Path(__file__).resolve().parents[2] / 'configs' / 'ccnet_segy_quick.py')
    replace_sync_bn(config.model)
    grey = section(40, 48).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'section.png'), grey)
    torch.manual_seed(0)
    model = init_model(config, device='cpu')
    torch.nn.init.normal_(model.decode_head.conv_seg.weight, std=3.0)
    expected = predict_section(model, grey, window=(64, 64))
    for image in (str(tmp_path / 'section.png'), grey):
        logits = inference_model(model, image).seg_logits.data
        np.testing.assert_allclose(salt_probability(logits).numpy(), expected, atol=1e-5)
    config.test_dataloader.dataset.pipeline[0] = dict(type='LoadImageFromFile')  # MMSegInferencer looks for that name
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=SegySaltDataset.METAINFO)), tmp_path / 'm.pth'
    )
    inferencer = MMSegInferencer(config, str(tmp_path / 'm.pth'), device='cpu')
    found = inferencer(grey)['predictions']
    assert 0 < found.mean() < 1
    assert np.array_equal(found, expected > 0.5)


def test_three_input_channels_hold_the_section_three_times():
    model = build_tiny(in_channels=3)
    array = section(40, 40)
    with torch.no_grad():
        batch = model.data_preprocessor(dict(inputs=[torch.from_numpy(array).expand(3, -1, -1)]))['inputs']
        expected = model.encode_decode(batch, [dict(img_shape=torch.Size((40, 40)))]).sigmoid()[0, 0].numpy()
    np.testing.assert_allclose(predict_section(model, array, window=(64, 64)), expected, atol=1e-5)


def test_batches_change_nothing_but_rounding_and_the_model_is_left_alone():
    model = build_tiny()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    results = [
        predict_section(model, section(70, 90), window=(32, 32), overlap=0.25, batch_size=size) for size in (1, 3, 16)
    ]
    np.testing.assert_allclose(results[1], results[0], atol=1e-5)
    np.testing.assert_allclose(results[2], results[0], atol=1e-5)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_flipped_section_is_the_mirrored_prediction():
    model, array = build_tiny(), section(40, 48)
    single = predict_section(model, array, window=(64, 64))
    mirrored = predict_section(model, array[:, ::-1], window=(64, 64))[:, ::-1]
    both = predict_section(model, array, window=(64, 64), flip=True)
    assert np.abs(single - mirrored).max() > 1e-3
    np.testing.assert_allclose(both, (single + mirrored) / 2, atol=1e-5)


def test_mixed_precision_is_near():
    model, array = build_tiny(), section(40, 48)
    exact = predict_section(model, array, window=(64, 64))
    mixed = predict_section(model, array, window=(64, 64), amp=True)
    assert 0 < np.abs(exact - mixed).max() < 0.1


def test_a_prepared_predictor_serves_many_sections():
    predictor = TilePredictor(build_tiny(), batch_size=2)
    expected = predict_section(predictor.model, section(50, 40), window=(32, 32), batch_size=2)
    assert np.array_equal(predict_section(predictor, section(50, 40), window=(32, 32)), expected)


@pytest.mark.parametrize('name', ['AddCoordinateChannels', 'AddDepthChannel'])
def test_channels_that_only_tiles_have_are_refused(name: str):
    model = build_tiny(in_channels=3)
    model.cfg = Config(dict(test_pipeline=[dict(type='LoadImageFromFile'), dict(type=name)]))
    with pytest.raises(ValueError, match=f'trained on tiles with {name}, a channel that windows do not have'):
        TilePredictor(model)


def test_folding_that_changes_the_output_is_not_used():
    """Children in another order than they are called: folding would move the normalisation behind the wrong layer."""
    model = build_tiny()
    array = section(32, 32)

    class Reordered(torch.nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[0](self[1](x))

    normalisation = torch.nn.BatchNorm2d(8).eval()
    torch.nn.init.uniform_(normalisation.running_var, 0.2, 3.0)
    torch.nn.init.uniform_(normalisation.running_mean, -2.0, 2.0)
    first = model.backbone.layer2[1]
    model.backbone.layer2[1] = torch.nn.Sequential(first, Reordered(torch.nn.Conv2d(8, 8, 1), normalisation))
    model.cfg = Config(dict(test_pipeline=PIPELINE))
    expected = salt_probability(inference_model(model, array).seg_logits.data).numpy()
    np.testing.assert_allclose(predict_section(model, array, window=(32, 32)), expected, atol=1e-5)


def test_where_a_part_cannot_be_folded_the_others_are():
    """A normalisation of other channels than the layer before it: mmcv takes the two for a pair, and fails."""
    model = build_tiny()

    class Apart(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score, self.norm = torch.nn.Conv2d(8, 1, 1), torch.nn.BatchNorm2d(8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x) * self.score(x).sigmoid()

    model.backbone.layer2[1] = torch.nn.Sequential(model.backbone.layer2[1], Apart().eval())
    norms = [module for module in TilePredictor(model).prepared.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [8]
    model.cfg, array = Config(dict(test_pipeline=PIPELINE)), section(32, 32)
    expected = salt_probability(inference_model(model, array).seg_logits.data).numpy()
    np.testing.assert_allclose(predict_section(model, array, window=(32, 32)), expected, atol=1e-5)


def test_the_window_follows_the_model():
    model = GreyModel()
    assert default_window(model) == (256, 256)
    model.cfg = dict(train_pipeline=[dict(type='RandomCrop', crop_size=(101, 60))])
    assert default_window(model) == (104, 64)
    model.test_cfg = dict(mode='slide', crop_size=(48, 40), stride=(32, 32))
    assert default_window(model) == (48, 40)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(overlap=0.95), 'overlap must lie in 0 to 0.9, got 0.95'),
        (dict(overlap=0.5, stride=(8, 8)), 'overlap and stride say the same: give one'),
        (dict(window=(32, 32), stride=(16, 40)), 'stride must lie in 1 to the window, got width of stride 40, window'),
        (dict(batch_size=0), 'batch_size must be at least 1, got 0'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        predict_section(GreyModel(), section(40, 40), **options)


def test_wrong_arrays_and_models_are_named():
    with pytest.raises(ValueError, match=r'array must be a section \(num_samples, num_traces\), got shape \(3, 4, 5\)'):
        predict_section(GreyModel(), np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match='array holds NaN or infinity'):
        predict_section(GreyModel(), np.full((4, 4), np.nan))
    with pytest.raises(ValueError, match='model must have 1 or 2 output channels for salt, it has 19'):
        predict_section(GreyModel(19), section(8, 8))
    with pytest.raises(TypeError, match='model must be an EncoderDecoder segmentor of MMSegmentation, got Linear'):
        predict_section(torch.nn.Linear(1, 1), section(8, 8))
    with pytest.raises(ValueError, match=r'model takes 2 input channels; a section gives 1 \(or 3 alike\)'):
        predict_section(build_tiny(in_channels=2), section(8, 8))
