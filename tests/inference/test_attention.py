"""What attention sees from a point of a section: the window that is taken, and the place in it."""

import numpy as np
import pytest
import torch
from torch import nn

from mmattn.attention import build_attention
from mmattn.attention.maps import attention_maps
from mmattn.engine.attention_pictures import draw_overview
from mmattn.inference.attention import look_at_section
from mmattn.seismic import scale_amplitude, to_grey
from tests.inference.models import GreyModel


class Attentive(GreyModel):
    """Position attention on the input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 1)
        self.attention = build_attention('PositionAttention', 8)
        self.test_cfg = dict(mode='slide', crop_size=(32, 24))

    def encode_decode(self, inputs: torch.Tensor, batch_img_metas: list[dict]) -> torch.Tensor:
        return self.attention(self.stem(inputs))


@pytest.mark.parametrize(
    ('size', 'at', 'start'),
    [
        ((100, 90), (50, 45), (34, 33)),
        ((100, 90), (2, 88), (0, 66)),
        ((20, 90), (19, 0), (0, 0)),
        ((100, 10), (99, 9), (68, 0)),
    ],
)
def test_the_window_around_a_point(size: tuple[int, int], at: tuple[int, int], start: tuple[int, int]):
    model, section = Attentive().eval(), np.random.default_rng(0).normal(size=size).astype(np.float32)
    seen, picture = look_at_section(model, section, *at, clip=2.0)
    window = section[start[0] : start[0] + 32, start[1] : start[1] + 24]
    np.testing.assert_array_equal(picture.image, to_grey(scale_amplitude(window, 2.0)))
    np.testing.assert_allclose((picture.row, picture.column), (at[0] - start[0], at[1] - start[1]), atol=1e-6)
    inputs = model.data_preprocessor(dict(inputs=[torch.from_numpy(picture.image.astype(np.float32))[None]]))['inputs']
    padding = [(inputs.shape[2 + axis] - window.shape[axis]) // 2 for axis in (0, 1)]
    place = tuple(at[axis] - start[axis] + padding[axis] for axis in (0, 1))
    with torch.no_grad():
        expected = attention_maps(model.attention, model.stem(inputs), at=place)
    torch.testing.assert_close(seen[0].maps['weights'].values, expected['weights'].values, rtol=0, atol=1e-6)
    assert draw_overview(seen, picture, dpi=40).startswith(b'\x89PNG')


def test_without_attention():
    seen, picture = look_at_section(GreyModel(), np.zeros((40, 40), np.float32), 3, 3, clip=1.0)
    with pytest.raises(ValueError, match='no attention layer of mmattn'):
        draw_overview(seen, picture)
    with pytest.raises(TypeError, match='model must be an EncoderDecoder'):
        look_at_section(nn.Conv2d(1, 1, 1), np.zeros((4, 4), np.float32), 0, 0, clip=1.0)
