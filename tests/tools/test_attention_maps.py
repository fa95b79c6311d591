"""tools/attention_maps.py: its arrays are those of the network's layers; what is wrong is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import init_model
from PIL import Image

from mmattn.attention.maps import attention_maps
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here


@pytest.fixture
def network(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A config, a checkpoint of random weights and an image of 48 x 40 pixels."""
    config = write_tiny_config(tmp_path)
    model = init_model(Config.fromfile(config), device='cpu')
    for name, parameter in model.named_parameters():
        if name.endswith('gamma'):
            torch.nn.init.constant_(parameter, 0.5)
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'tiny.pth')
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 40), np.uint8)).save(tmp_path / 'image.png')
    return config, tmp_path / 'tiny.pth', tmp_path / 'image.png'


def test_pictures_and_arrays(network, tmp_path: Path, monkeypatch, capsys):
    out = tmp_path / 'maps'
    outcome = run_here(monkeypatch, capsys, 'attention_maps.py', *network, '--at', 30, 10, '--out', out, '--dpi', 60)
    assert outcome.returncode == 0, outcome.stderr
    about, arrays = json.loads((out / 'maps.json').read_text()), np.load(out / 'maps.npz')
    layer = about['maps'][0]['layer']
    assert f'\n{layer} (CrissCrossAttention): weights, through: {out}' in outcome.stdout
    assert {f'{one["layer"]}/{one["map"]}' for one in about['maps']} == set(arrays)
    assert (about['x'], about['y']) == (30, 10)
    assert np.asarray(Image.open(out / f'{layer}.png').convert('L')).std() > 20
    model = init_model(Config.fromfile(network[0]), str(network[1]), device='cpu')
    seen = []
    model.get_submodule(layer).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    image = torch.from_numpy(np.asarray(Image.open(network[2])))[None]
    with torch.no_grad():
        model.encode_decode(model.data_preprocessor(dict(inputs=[image]))['inputs'], [dict(img_shape=(64, 64))])
    padded, grid = (64, 64), seen[0].shape[2:]
    at = int((10.5 + 8) / padded[0] * grid[0]), int((30.5 + 12) / padded[1] * grid[1])
    expected = attention_maps(model.get_submodule(layer), seen[0], at=at)
    for name, one in expected.items():
        np.testing.assert_allclose(arrays[f'{layer}/{name}'], one.values[0], atol=1e-6)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(at=[40, 0]), 'the position must be a column below 40 and a row below 48, got 40 and 0'),
        (dict(layer='neck'), "--layer 'neck' is in no name; there are decode_head."),
        (dict(image='gone.png'), "image 'gone.png' is not a file"),
        (dict(image='{config}'), 'cannot be read by the test pipeline'),
        (dict(dpi=5), '--dpi must be from 20 to 1200, got 5'),
    ],
)
def test_wrong_input_is_one_line(network, tmp_path: Path, monkeypatch, capsys, change: dict, message: str):
    config, checkpoint, image = network
    image = change.get('image', str(image)).format(config=config)
    words = [config, checkpoint, image, '--at', *change.get('at', [1, 1]), '--out', tmp_path / 'maps']
    words += [word for name in ('layer', 'dpi') if name in change for word in (f'--{name}', change[name])]
    outcome = run_here(monkeypatch, capsys, 'attention_maps.py', *words)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith('error: ')
    assert message in outcome.stderr
    assert outcome.stderr.count('\n') == 1
