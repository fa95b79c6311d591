"""Fixtures that several test packages share."""

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


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
