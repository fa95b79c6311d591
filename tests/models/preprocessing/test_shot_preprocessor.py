import pytest
import torch
from mmseg.structures import SegDataSample

from mmattn.models.preprocessing.shot_preprocessor import ShotDataPreProcessor
from tests.waiting import Waits


def test_scales_amplifies_and_pads_time():
    processor = ShotDataPreProcessor(scale=0.5, power=1.0, compress=None)
    inputs = [torch.ones(2, 5, 3), torch.ones(2, 3, 3)]
    result = processor(dict(inputs=inputs))['inputs']
    assert result.shape == (2, 2, 5, 3)
    assert result[0, 0, :, 0].tolist() == [0, 0.5, 1, 1.5, 2]
    assert result[1, 0, :, 0].tolist() == [0, 1, 2, 0, 0]


@pytest.mark.parametrize(('compress', 'expected'), [('asinh', 1.8184464), ('log1p', 1.3862944)])
def test_compression(compress: str, expected: float):
    processor = ShotDataPreProcessor(power=0.0, compress=compress)
    result = processor(dict(inputs=[torch.tensor([[[3.0, -3.0]]])]))['inputs']
    assert result.flatten().tolist() == pytest.approx([expected, -expected])


def test_statistics_come_back_with_the_weights():
    trained, other = ShotDataPreProcessor(scale=3.0, direct=-5.0), ShotDataPreProcessor(scale=1.0)
    other.load_state_dict(trained.state_dict())
    assert (float(other.scale), float(other.direct)) == (3, -5)


def test_bounds_of_velocity_are_read_once_and_follow_the_weights():
    processor, trained = ShotDataPreProcessor(), ShotDataPreProcessor(velocity_range=(1000, 2000))
    data = dict(inputs=[torch.ones(1, 5, 3)], data_samples=[SegDataSample()])
    assert processor(data)['data_samples'][0].velocity_range == (1500, 4500)
    with Waits() as waits:
        processor(data)
    assert not waits.found
    processor.load_state_dict(trained.state_dict())
    assert processor(data)['data_samples'][0].velocity_range == (1000, 2000)


def test_wrong_values():
    with pytest.raises(ValueError, match='scale must be above 0'):
        ShotDataPreProcessor(scale=0)
    with pytest.raises(ValueError, match='velocity_range must be two speeds'):
        ShotDataPreProcessor(velocity_range=(3, 2))
    with pytest.raises(ValueError, match='compress must be one of'):
        ShotDataPreProcessor(compress='sqrt')
    with pytest.raises(ValueError, match='gathers of one batch differ'):
        ShotDataPreProcessor()(dict(inputs=[torch.ones(2, 5, 3), torch.ones(2, 5, 4)]))
