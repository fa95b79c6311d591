"""What --amp means on a machine."""

import pytest
import torch

from mmattn.cli.amp import amp_options
from mmattn.common.errors import InputError


@pytest.mark.parametrize(
    ('gpu', 'bfloat16', 'expected'),
    [
        (True, False, ('optim_wrapper.type=AmpOptimWrapper', 'optim_wrapper.loss_scale=dynamic')),
        (False, True, ('optim_wrapper.type=BFloat16OptimWrapper',)),
    ],
)
def test_options_of_a_machine(gpu: bool, bfloat16: bool, expected: tuple, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    monkeypatch.setattr('mmattn.cli.amp.has_bfloat16', lambda: bfloat16)
    assert amp_options() == expected


def test_a_machine_without_mixed_precision_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmattn.cli.amp.has_bfloat16', lambda: False)
    with pytest.raises(InputError, match='--amp: no GPU, and no bfloat16 in this processor'):
        amp_options()
