import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmattn.engine.mixed_precision import BFloat16OptimWrapper


def test_forward_passes_are_bfloat16_and_weights_stay_float32():
    model = nn.Linear(4, 4)
    before = model.weight.detach().clone()
    wrapper = build_optim_wrapper(
        model, dict(type='mmseg.BFloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1), clip_grad=dict(max_norm=1.0))
    )
    assert isinstance(wrapper, BFloat16OptimWrapper)
    with wrapper.optim_context(model):
        result = model(torch.ones(2, 4))
    assert result.dtype == torch.bfloat16
    wrapper.update_params(result.float().sum())
    torch.testing.assert_close(before - model.weight, torch.full((4, 4), 0.1 / 20**0.5))  # clipped to length 1
    assert model(torch.ones(2, 4)).dtype == torch.float32
