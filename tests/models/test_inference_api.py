"""MMSegmentation's inference API on our models: files, arrays, synthetic addresses; one and two channels alike."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import save_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model, show_result_pyplot

from mmattn.evaluation import salt_probability
from mmattn.seismic.synthetic import SyntheticSurvey
from tests.tiny import TWO_CHANNELS, write_tiny_config

META = dict(classes=('background', 'salt'), palette=[[0, 0, 255], [255, 128, 0]])


def two_from_one(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of the two-channel model that has the logits (0, z) where the one-channel model has z."""
    return {
        key: torch.cat([torch.zeros_like(value), value]) if 'conv_seg' in key else value for key, value in state.items()
    }


@pytest.fixture(scope='module')
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Config and checkpoint of a one-channel model and its two-channel equal, with other statistics in the config."""
    paths, state = {}, None
    for name, extra in (('one', ''), ('two', TWO_CHANNELS)):
        folder = tmp_path_factory.mktemp(name)
        config = write_tiny_config(folder, extra)
        model = init_model(str(config), device='cpu')
        if state is None:
            torch.manual_seed(0)
            for parameter in model.parameters():
                parameter.data += 0.05 * torch.randn_like(parameter)
            state = model.state_dict()
            state['data_preprocessor.mean'].fill_(110.0)
        save_checkpoint(
            dict(state_dict=state if name == 'one' else two_from_one(state), meta=dict(dataset_meta=META)),
            str(folder / 'model.pth'),
        )
        paths[name] = str(config), str(folder / 'model.pth')
    return paths


@pytest.fixture(scope='module')
def section() -> np.ndarray:
    return SyntheticSurvey((53, 71), seed=5).section(3).image


def test_statistics_come_from_the_checkpoint(models):
    assert init_model(*models['one'], device='cpu').data_preprocessor.mean.item() == 110.0


def test_file_array_and_address_give_one_answer(models, section, tmp_path):
    model = init_model(*models['one'], device='cpu')
    cv2.imwrite(str(tmp_path / 'a.png'), section)
    expected = inference_model(model, str(tmp_path / 'a.png')).seg_logits.data
    assert expected.shape == (1, 53, 71)
    assert expected.std() > 1e-4
    assert torch.equal(inference_model(model, 'synthetic://53x71/5/image/000003.png').seg_logits.data, expected)
    assert torch.equal(inference_model(model, section).seg_logits.data, expected)
    assert torch.equal(inference_model(model, np.repeat(section[..., None], 3, 2)).seg_logits.data, expected)


def test_one_and_two_channels_give_one_answer(models, section):
    one, two = (inference_model(init_model(*models[name], device='cpu'), section) for name in ('one', 'two'))
    torch.testing.assert_close(salt_probability(two.seg_logits.data), salt_probability(one.seg_logits.data))
    assert torch.equal(two.pred_sem_seg.data.float(), one.pred_sem_seg.data.float())


def test_inferencer_and_picture(models, section, tmp_path):
    config, checkpoint = models['two']
    inferencer = MMSegInferencer(config, weights=checkpoint, device='cpu', show_progress=False)
    cv2.imwrite(str(tmp_path / 'a.png'), section)
    predictions = inferencer(str(tmp_path / 'a.png'), out_dir=str(tmp_path / 'out'))['predictions']
    model = init_model(config, checkpoint, device='cpu')
    result = inference_model(model, section)
    assert np.array_equal(predictions, result.pred_sem_seg.data[0].numpy())
    assert (tmp_path / 'out' / 'vis' / 'a.png').is_file()
    show_result_pyplot(model, str(tmp_path / 'a.png'), result, show=False, out_file=str(tmp_path / 'b.png'))
    assert (tmp_path / 'b.png').is_file()
