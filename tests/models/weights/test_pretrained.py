"""Reading pretrained weights: what the contract of the backbones does not hold them to."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from torch import nn

from mmattn.models.backbones import LVT
from mmattn.models.weights.pretrained import LoadReport, Pretrained


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


def test_a_url_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    (tmp_path / 'served').mkdir()
    first, second = nn.Linear(2, 3), nn.Linear(2, 3)
    torch.save(first.state_dict(), tmp_path / 'served' / 'linear.pth')
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=tmp_path / 'served'))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weights = Pretrained(f'http://127.0.0.1:{server.server_port}/linear.pth')
    try:
        assert weights.load_into(second).loaded == ('weight', 'bias')
    finally:
        server.shutdown()
        server.server_close()
    assert torch.equal(first.weight, second.weight)
    assert weights.load_into(nn.Linear(2, 3)).complete


def test_an_archive_of_arrays_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    (tmp_path / 'served').mkdir()
    first, second = nn.Linear(2, 3), nn.Linear(2, 3)
    np.savez(tmp_path / 'served' / 'R+linear.npz', **{k: v.numpy() for k, v in first.state_dict().items()})
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=tmp_path / 'served'))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weights = Pretrained(f'http://127.0.0.1:{server.server_port}/R%2Blinear.npz?alt=media')
    try:
        assert weights.load_into(second).complete
    finally:
        server.shutdown()
        server.server_close()
    assert torch.equal(first.weight, second.weight)
    assert weights.load_into(nn.Linear(2, 3)).complete


@pytest.mark.parametrize('content', [dict(weight=np.array([None])), dict(weight=np.array(['text'])), b'text', b''])
def test_an_archive_of_other_things_is_not_read(tmp_path: Path, content: dict | bytes):
    if isinstance(content, bytes):
        (tmp_path / 'odd.npz').write_bytes(content)
    else:
        np.savez(tmp_path / 'odd.npz', **content)
    with pytest.raises(ValueError, match=r"init_cfg: checkpoint '.*odd\.npz' is no archive of arrays of numbers"):
        Pretrained(str(tmp_path / 'odd.npz')).load_into(nn.Linear(2, 3))


def test_a_runners_checkpoint_is_read(tmp_path: Path):
    linear = nn.Linear(2, 3)
    history = dict(loss=HistoryBuffer([1.0, 0.5], [1, 1]))
    state = {f'backbone.{key}': value for key, value in linear.state_dict().items()}
    torch.save(dict(state_dict=state, message_hub=dict(log_scalars=history)), tmp_path / 'epoch_1.pth')
    assert Pretrained(str(tmp_path / 'epoch_1.pth'), prefix='backbone.').load_into(nn.Linear(2, 3)).complete


def test_a_file_that_holds_code_is_not_read(tmp_path: Path):
    torch.save(dict(state_dict=nn.Linear(2, 3)), tmp_path / 'module.pth')
    with pytest.raises(ValueError, match=r"checkpoint '.*module\.pth' cannot be read without running code from it"):
        Pretrained(str(tmp_path / 'module.pth')).load_into(nn.Linear(2, 3))
    torch.save([torch.ones(2)], tmp_path / 'list.pth')
    with pytest.raises(TypeError, match='holds a list, not a dict of weights'):
        Pretrained(str(tmp_path / 'list.pth')).load_into(nn.Linear(2, 3))


def test_a_report_is_short():
    report = LoadReport('a.pth', ('x',), tuple(f'layer{i}' for i in range(20)), (), {})
    assert str(report) == (
        '1 of 21 tensors loaded from a.pth\n20 not in the checkpoint, left as initialised: layer0, layer1, layer2, '
        'layer3, layer4, layer5, layer6, layer7 and 12 more'
    )
    assert not report.complete
    assert str(LoadReport('a.pth', ('x',), (), (), {})) == '1 of 1 tensors loaded from a.pth'


def test_inside_a_segmentor_with_another_initialiser(tmp_path: Path):
    sizes = dict(embed_dims=(8, 8, 20, 16), depths=(1, 1, 1, 1))
    partial_weights = LVT(**sizes).state_dict()
    del partial_weights['stages.0.embed.bias']
    torch.save(partial_weights, tmp_path / 'lvt.pth')
    constant = dict(type='Constant', layer='Conv2d', val=0.5, bias=0.25)
    backbone = LVT(**sizes, init_cfg=[dict(type='Pretrained', checkpoint=str(tmp_path / 'lvt.pth')), constant])
    segmentor = BaseModule()
    segmentor.backbone = backbone
    segmentor.init_weights()
    tensors = backbone.state_dict()
    assert all(torch.equal(value, tensors[name]) for name, value in partial_weights.items())
    assert (tensors['stages.0.embed.bias'] == 0.25).all()
    assert [config['type'] for config in backbone.init_cfg] == ['Pretrained', 'Constant']


def test_an_unknown_option_is_named():
    with pytest.raises(TypeError, match="unexpected keyword argument 'sorce'"):
        LVT(init_cfg=dict(type='Pretrained', checkpoint='x.pth', sorce='lvt'))
