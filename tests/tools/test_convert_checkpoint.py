"""Published checkpoints to ours from the command line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmattn.models.decode_heads import CrissCrossHead
from tests.golden_vectors import load_golden
from tests.tools.run_here import Outcome, run_here


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Outcome]:
    return lambda *arguments: run_here(monkeypatch, capsys, 'convert_checkpoint.py', *arguments)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A full checkpoint of which our source knows the head only."""
    weights, _ = load_golden('ccnet_rcca_head')
    tensors = {'module.conv1.weight': torch.ones(2), **{f'module.head.{k}': v for k, v in weights.items()}}
    torch.save(dict(state_dict=tensors, epoch=60), tmp_path / 'in.pth')
    return tmp_path / 'in.pth'


def test_a_converted_head_loads_and_computes_the_published_numbers(published: Path, tmp_path: Path, tool):
    result = tool('ccnet', published, tmp_path / 'new' / 'out.pth', '--component', 'head')
    assert 'cca.gamma -> attention.gamma' in result.stdout
    assert '0 dropped, 1 outside the component' in result.stdout
    written = torch.load(tmp_path / 'new' / 'out.pth', weights_only=True)
    assert written['meta'] == dict(source='ccnet', component='head', file='in.pth')
    head = CrissCrossHead(
        64,
        32,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        attention_channels=16,
        act_cfg=dict(type='LeakyReLU', negative_slope=0.01),
    )
    head.load_state_dict(written['state_dict'])
    _, vectors = load_golden('ccnet_rcca_head')
    torch.testing.assert_close(head.eval()([vectors['x/x']]), vectors['y/r2'], rtol=1e-5, atol=1e-5)


def test_an_archive_of_arrays_is_converted(tmp_path: Path, tool):
    _, vectors = load_golden('transunet_imagenet21k_layout')
    arrays = {key[4:]: value.numpy() for key, value in vectors.items() if key.startswith('npz/')}
    np.savez(tmp_path / 'in.npz', **arrays)
    result = tool('vit-imagenet21k', tmp_path / 'in.npz', tmp_path / 'out.pth')
    assert 'head/bias dropped' in result.stdout
    assert '5 dropped, 0 outside the component' in result.stdout
    written = torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict']
    assert len(written) == len(arrays) - 5
    (tmp_path / 'odd.npz').write_text('odd')
    refused = tool('vit-imagenet21k', tmp_path / 'odd.npz', tmp_path / 'odd.pth')
    assert refused.returncode == 2
    assert 'is no archive of arrays of numbers' in refused.stderr.strip().splitlines()[-1]


def test_an_output_is_replaced_by_force_only(published: Path, tmp_path: Path, tool):
    (tmp_path / 'out.pth').write_text('mine')
    arguments = 'ccnet', published, tmp_path / 'out.pth', '--component', 'head.'
    refused = tool(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("out.pth' is there already; --force replaces it")
    assert (tmp_path / 'out.pth').read_text() == 'mine'
    assert tool(*arguments, '--force').returncode == 0
    assert torch.load(tmp_path / 'out.pth', weights_only=True)['meta']['source'] == 'ccnet'


@pytest.mark.parametrize(
    ('tensors', 'arguments', 'message'),
    [
        (['gamma'], ['nobody', 'in.pth'], "no source 'nobody'; there are "),
        (['gamma'], ['ccnet', 'gone.pth'], 'is not a file'),
        (['gamma', 'odd'], ['ccnet', 'in.pth'], "source 'ccnet' does not know odd"),
        (['gamma'], ['ccnet', 'in.pth'], 'missing query_conv.weight'),
        (['gamma'], ['ccnet', 'in.pth', '--component', 'head'], "no tensors under the component 'head'"),
        (['gamma'], ['ccnet', 'https://example.org/in.pth'], 'is a URL: download it first'),
    ],
)
def test_errors_are_one_line_and_leave_no_file(
    tmp_path: Path, tool, tensors: list[str], arguments: list[str], message: str
):
    torch.save({name: torch.ones(1) for name in tensors}, tmp_path / 'in.pth')
    source, path, *options = arguments
    result = tool(source, path if '://' in path else tmp_path / path, tmp_path / 'out.pth', *options)
    assert result.returncode == 2
    assert 'Traceback' not in result.stderr
    assert message in result.stderr.strip().splitlines()[-1]
    assert not (tmp_path / 'out.pth').exists()
