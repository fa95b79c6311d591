"""AttentionMapHook through the Runner: its arrays are those of the layer that is called by hand."""

import numpy as np
import pytest
import torch
from mmseg.registry import HOOKS
from PIL import Image

from mmattn.attention import build_attention
from mmattn.attention.maps import attention_maps
from mmattn.engine.hooks import AttentionMapHook
from mmattn.models import SaltDataPreProcessor


@pytest.fixture
def network(toy):
    """The toy with two attention layers in its way, and the preprocessor that pads its input to 32 x 32."""

    class Attentive(toy):
        test_cfg = dict(mode='whole')

        def __init__(self) -> None:
            super().__init__()
            self.data_preprocessor = SaltDataPreProcessor(std=50.0)
            self.stem = torch.nn.Conv2d(1, 8, 1)
            self.attention = build_attention('CrissCrossAttention', 8, recurrence=2)
            self.gate = build_attention('SqueezeExcitation', 8)

        def encode_decode(self, inputs, batch_data_samples=None):
            features = self.gate(self.attention(self.stem(inputs)))
            logits = super().encode_decode(inputs * 50 + features.mean(1, keepdim=True) * 0)
            return logits

    return Attentive()


def test_every_validation_leaves_pictures_and_arrays(make_runner, tmp_path, tiles, network):
    hook = HOOKS.build(dict(type='AttentionMapHook', num_images=2, at=(0.25, 0.75)))
    dataset = tiles()
    runner = make_runner(hook, model=network, dataset=dataset)
    runner.train()
    folder = tmp_path / 'run' / 'attention'
    assert sorted(path.name for path in folder.iterdir()) == ['000001', '000002']
    assert sorted(path.name for path in (folder / '000002').iterdir()) == ['tile0', 'tile3']  # batches of three
    assert np.asarray(Image.open(folder / '000002' / 'tile3' / 'attention.png').convert('L')).std() > 20
    found = np.load(folder / '000002' / 'tile3' / 'maps.npz')
    assert set(found) == {'attention/weights', 'attention/through', 'gate/channels'}
    data = network.data_preprocessor(dict(inputs=[dataset[3]['inputs']], data_samples=[dataset[3]['data_samples']]))
    with torch.no_grad():
        x = network.stem(data['inputs'])
    # 24 x 20 pixels in the middle of 32 x 32: row 18 of 24 and column 5 of 20
    expected = attention_maps(network.attention, x, at=(4 + 18, 6 + 5))
    for name in ('weights', 'through'):
        np.testing.assert_allclose(found[f'attention/{name}'], expected[name].values[0], atol=1e-6)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert f'AttentionMapHook: 2 layers are drawn in {folder / "000001" / "tile0"}' in log
    assert not network.attention._forward_pre_hooks


def test_the_interval(make_runner, tmp_path, network):
    hook = AttentionMapHook(interval=2, arrays=False)
    make_runner(hook, model=network, epochs=3).train()
    assert sorted(path.name for path in (tmp_path / 'run' / 'attention').iterdir()) == ['000001', '000003']
    assert not list((tmp_path / 'run').rglob('maps.npz'))


def test_a_failure_does_not_end_the_validation(make_runner, tmp_path, network, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError('no maps today')

    monkeypatch.setattr('mmattn.attention.maps.watching.attention_maps', fail)
    make_runner(AttentionMapHook(), model=network).val()
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count("no picture of this validation: RuntimeError('no maps today')") == 1
    assert 'Traceback' in log


@pytest.mark.parametrize('kind', ['slide', 'without attention'])
def test_what_cannot_be_drawn_is_said(make_runner, tmp_path, network, toy, kind: str):
    network.test_cfg = dict(mode='slide' if kind == 'slide' else 'whole')
    if kind != 'slide':
        network.attention, network.gate = torch.nn.Identity(), torch.nn.Identity()
    make_runner(AttentionMapHook(), model=network).val()
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert ('sliding windows' if kind == 'slide' else 'no attention layer of mmattn') in log
    assert not (tmp_path / 'run' / 'attention').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_images=0), 'AttentionMapHook: num_images must be at least 1, got 0'),
        (dict(interval=0), 'AttentionMapHook: interval must be at least 1, got 0'),
        (dict(at=(0.5,)), r'AttentionMapHook: at must be two shares, of width and height, got \(0.5,\)'),
        (dict(at=(0.5, 2)), 'AttentionMapHook: at must be from 0 to 1, got 2'),
    ],
)
def test_wrong_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        AttentionMapHook(**options)
