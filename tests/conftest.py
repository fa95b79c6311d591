"""Fixtures that several test packages share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

if 'PYTEST_XDIST_WORKER' in os.environ:  # workers and what they start share the cores
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it that runs tests in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what exports where PyTorch's exporter is too old for it."""
    if torch.__version__ < (2, 7):
        for item in items:
            if 'exports_' in item.name or any(name in item.nodeid for name in ('onnx', 'test_backends.py')):
                item.add_marker(pytest.mark.skip(reason=f'exporting needs a later PyTorch than {torch.__version__}'))


@pytest.fixture(autouse=True)
def _environment_is_put_back() -> Iterator[None]:
    """Tools settle for their process how checkpoints are read, and in some tests that process is the tests'."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def _seeded_in_mmseg_scope():
    """Every test starts from one seed, with names looked up in MMSegmentation's registries."""
    from mmengine.registry import DefaultScope, init_default_scope

    torch.manual_seed(0)
    if DefaultScope.get_current_instance() is None:
        init_default_scope('mmseg')


@pytest.fixture(autouse=True)
def _unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the time that yapf takes whenever mmengine prints a config, at every checkpoint too."""
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))


@pytest.fixture(scope='session')
def root() -> Path:
    """The repository."""
    return ROOT
