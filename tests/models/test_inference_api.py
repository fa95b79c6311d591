"""MMSegmentation's inference API on our models: files, arrays, synthetic addresses; one and two channels alike."""

import inspect

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.runner import save_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model, show_result_pyplot
from mmseg.registry import DATASETS, METRICS, MODELS
from torch.utils.data import DataLoader

from mmattn.evaluation import salt_probability
from mmattn.seismic.synthetic import SyntheticSurvey
from tests.tiny import TWO_CHANNELS, write_tiny_config

META = dict(classes=('background', 'salt'), palette=[[0, 0, 255], [255, 128, 0]])


def two_from_one(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of the two-channel model that has the logits (0, z) where the one-channel model has z."""
    return {
        key: torch.cat([torch.zeros_like(value), value]) if 'conv_seg' in key else value for key, value in state.items()
    }


def widest_gap(logits: torch.Tensor) -> torch.Tensor:
    """The middle of the widest gap between those logits that stand between the 40th and the 60th percentile."""
    middle = logits.flatten().sort().values[int(0.4 * logits.numel()) : int(0.6 * logits.numel())]
    place = middle.diff().argmax()
    return (middle[place] + middle[place + 1]) / 2


@pytest.fixture(scope='module')
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Config and checkpoint of a one-channel model and its two-channel equal, with other statistics in the config."""
    paths, state = {}, None
    for name, extra in (('one', ''), ('two', TWO_CHANNELS)):
        folder = tmp_path_factory.mktemp(name)
        config = write_tiny_config(folder, extra)
        torch.manual_seed(0)
        model = init_model(str(config), device='cpu')
        if state is None:
            for parameter in model.parameters():
                parameter.data += 0.05 * torch.randn_like(parameter)
            state = model.state_dict()
            state['data_preprocessor.mean'].fill_(110.0)
            # about half of the validation sections' pixels above the threshold, so that predictions are not trivial;
            # none so near to it that rounding decides
            dataset = DATASETS.build(Config.fromfile(config).test_dataloader.dataset)
            with torch.no_grad():
                scores = torch.stack([s.seg_logits.data for s in model.test_step(pseudo_collate(list(dataset)))])
            state['decode_head.conv_seg.bias'] -= widest_gap(torch.logit(scores))
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


def test_files_and_arrays_in_any_order(models, section, tmp_path):
    """MMSegmentation rewrites the model's pipeline when it is given an array."""
    cv2.imwrite(str(tmp_path / 'a.png'), section)
    model = init_model(*models['one'], device='cpu')
    expected = inference_model(model, section).seg_logits.data
    for image in (str(tmp_path / 'a.png'), section, str(tmp_path / 'a.png')):
        assert torch.equal(inference_model(model, image).seg_logits.data, expected)


def test_values_that_are_no_grey_are_refused(models, section):
    model = init_model(*models['one'], device='cpu')
    for image in (257 * section.astype(np.uint16), section / 255.0, np.where(section > 200, np.nan, section)):
        with pytest.raises(ValueError, match='expected a section of grey values from 0 to 255'):
            inference_model(model, image)


def test_one_and_two_channels_give_one_answer(models, section):
    one, two = (inference_model(init_model(*models[name], device='cpu'), section) for name in ('one', 'two'))
    torch.testing.assert_close(salt_probability(two.seg_logits.data), salt_probability(one.seg_logits.data))
    assert torch.equal(two.pred_sem_seg.data.float(), one.pred_sem_seg.data.float())


def test_inferencer_and_picture(models, section, tmp_path):
    config, checkpoint = models['two']
    newer = 'show_progress' in inspect.signature(MMSegInferencer).parameters
    quiet = dict(show_progress=False) if newer else {}
    inferencer = MMSegInferencer(config, weights=checkpoint, device='cpu', **quiet)
    cv2.imwrite(str(tmp_path / 'a.png'), section)
    predictions = inferencer(str(tmp_path / 'a.png'), out_dir=str(tmp_path / 'out'))['predictions']
    model = init_model(config, checkpoint, device='cpu')
    result = inference_model(model, section)
    assert np.array_equal(predictions, result.pred_sem_seg.data[0].numpy())
    assert (tmp_path / 'out' / 'vis' / 'a.png').is_file()
    show_result_pyplot(model, str(tmp_path / 'a.png'), result, show=False, out_file=str(tmp_path / 'b.png'))
    assert (tmp_path / 'b.png').is_file()


def scores_of(paths: tuple[str, str], tta: bool) -> tuple[dict[str, float], torch.Tensor]:
    """SaltMetric of a model over the validation sections, and their probabilities, as tools/test.py computes them."""
    config = Config.fromfile(paths[0])
    pipeline = config.tta_pipeline if tta else config.test_pipeline
    dataset = DATASETS.build({**config.test_dataloader.dataset, 'pipeline': pipeline})
    model = MODELS.build(dict(config.tta_model, module=config.model) if tta else config.model)
    (model.module if tta else model).load_state_dict(torch.load(paths[1], weights_only=True)['state_dict'])
    evaluator = Evaluator(METRICS.build(config.test_evaluator))
    evaluator.dataset_meta = dataset.metainfo
    probabilities = []
    for data in DataLoader(dataset, batch_size=4, collate_fn=pseudo_collate):
        with torch.no_grad():
            samples = model.eval().test_step(data)
        evaluator.process(samples, data)
        probabilities += [salt_probability(sample.seg_logits.data) for sample in samples]
    return evaluator.evaluate(len(dataset)), torch.stack(probabilities)


@pytest.mark.parametrize('tta', [False, True])
def test_one_and_two_channels_score_alike(models, tta: bool):
    (one, first), (two, second) = (scores_of(models[name], tta) for name in ('one', 'two'))
    torch.testing.assert_close(first, second)
    assert 0.2 < (first > 0.5).float().mean() < 0.8, 'a trivial prediction would prove nothing'
    assert one == pytest.approx(two, nan_ok=True)
