"""Inference with a checkpoint of another network is refused."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.apis import MMSegInferencer, init_model
from mmseg.registry import MODELS

from tests.tiny import write_tiny_config


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(write_tiny_config(tmp_path))


def save(config: str, path: Path, leave: str = 'nothing') -> str:
    model = MODELS.build(Config.fromfile(config).model)
    weights = {name: value for name, value in model.state_dict().items() if not name.startswith(leave)}
    torch.save(dict(state_dict=weights, meta=dict(dataset_meta=dict(classes=('background', 'salt')))), path)
    return str(path)


@pytest.mark.parametrize('make', [init_model, MMSegInferencer])
def test_weights_of_another_network_are_refused(config: str, tmp_path: Path, make):
    path = save(config, tmp_path / 'a.pth', leave='decode_head.conv_seg')
    with pytest.raises(ValueError, match=r'a checkpoint of this network: of \d+ tensors 2 are missing'):
        make(config, path, device='cpu')


@pytest.mark.parametrize('leave', ['nothing', 'auxiliary_head'])
def test_weights_of_this_network_are_taken(config: str, tmp_path: Path, leave: str):
    model = init_model(config, save(config, tmp_path / 'a.pth', leave=leave), device='cpu')
    assert model.dataset_meta['classes'] == ('background', 'salt')
