import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmattn.engine.command_line import InputError
from mmattn.engine.mixed_precision import BFloat16OptimWrapper, amp_options


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


@pytest.mark.parametrize(
    ('gpu', 'bfloat16', 'expected'),
    [
        (True, False, ('optim_wrapper.type=AmpOptimWrapper', 'optim_wrapper.loss_scale=dynamic')),
        (False, True, ('optim_wrapper.type=BFloat16OptimWrapper',)),
    ],
)
def test_options_of_a_machine(gpu: bool, bfloat16: bool, expected: tuple, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    monkeypatch.setattr('mmattn.engine.mixed_precision.has_bfloat16', lambda: bfloat16)
    assert amp_options() == expected


def test_a_machine_without_mixed_precision_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmattn.engine.mixed_precision.has_bfloat16', lambda: False)
    with pytest.raises(InputError, match='--amp: no GPU, and no bfloat16 in this processor'):
        amp_options()
