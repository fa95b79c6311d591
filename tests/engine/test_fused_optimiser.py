"""AdamW in its fused form: what the salt configs train with goes on from either form, and beside it."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from tests.conftest import ROOT

WRAPPER = Config.fromfile(ROOT / 'configs/_base_/schedules/salt_60e.py').optim_wrapper


def build(*, fused: bool, lr: float = 1e-2):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 1))
    wrapper = copy.deepcopy(WRAPPER)
    wrapper.optimizer.update(fused=fused, lr=lr)
    return model, build_optim_wrapper(model, wrapper)


def train(model: nn.Module, wrapper, steps: range) -> None:
    for step in steps:
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        wrapper.update_params((model(x) - x.sum(1, keepdim=True)).square().mean())


def test_the_salt_configs_ask_for_it():
    assert WRAPPER.optimizer.type == 'AdamW'
    assert WRAPPER.optimizer.fused is True


def test_it_is_the_same_optimiser():
    (plain, by_plain), (fused, by_fused) = build(fused=False), build(fused=True)
    train(plain, by_plain, range(20))
    train(fused, by_fused, range(20))
    for got, right in zip(fused.parameters(), plain.parameters()):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('fused', [False, True], ids=['plain', 'fused'])
def test_a_training_of_either_form_resumes(fused: bool):
    whole, by_whole = build(fused=fused)
    train(whole, by_whole, range(3))
    weights, state = copy.deepcopy((whole.state_dict(), by_whole.state_dict()))
    train(whole, by_whole, range(3, 6))
    again, by_again = build(fused=True)
    again.load_state_dict(weights)
    by_again.load_state_dict(state)
    train(again, by_again, range(3, 6))
    assert all(torch.equal(got, right) for got, right in zip(again.parameters(), whole.parameters()))
