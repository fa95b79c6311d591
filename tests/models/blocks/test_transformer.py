"""The feed-forward layer predicts strip by strip what it computes at once in training."""

import pytest
import torch
from torch import nn

from mmattn.models.blocks import transformer as transformer_pieces
from mmattn.models.blocks.smt import ResidualConvFFN
from mmattn.models.blocks.transformer import ConvFFN

FORMS = {
    'convolution': lambda: ConvFFN(6),
    'none': lambda: ConvFFN(6, depthwise=False),
    'residual': lambda: ResidualConvFFN(6, expand_ratio=2),
}


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('size', [(9, 5), (1, 7), (7, 1), (1, 1)])
@pytest.mark.parametrize('rows', [1, 2, 4, 100])
def test_strips_are_the_whole(form: str, size: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    layer = FORMS[form]()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    tokens = torch.randn(2, size[0] * size[1], 6)
    before = tokens.clone()
    monkeypatch.setattr(transformer_pieces, 'STRIP_ELEMENTS', rows * size[1] * layer.fc1.out_features)
    whole = layer(tokens, size)
    assert whole.requires_grad
    with torch.no_grad():
        strips = layer(tokens, size)
    torch.testing.assert_close(strips, whole.detach(), rtol=1e-5, atol=1e-4)
    assert torch.equal(tokens, before)


def test_the_hidden_layer_of_a_prediction_is_never_whole(monkeypatch: pytest.MonkeyPatch):
    layer, tokens, heights = ConvFFN(4), torch.randn(1, 32 * 8, 4), []
    monkeypatch.setattr(transformer_pieces, 'STRIP_ELEMENTS', 4 * 8 * 16)
    layer.dwconv.register_forward_hook(lambda module, inputs, output: heights.append(output.shape[2]))
    layer(tokens, (32, 8))
    with torch.no_grad():
        layer(tokens, (32, 8))
    assert heights == [32, 5, 6, 6, 6, 6, 6, 6, 5]
