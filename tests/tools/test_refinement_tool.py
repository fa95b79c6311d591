"""What tools/analysis/refinement.py refuses; what it measures is in tests/studies/refinement."""

from pathlib import Path

import numpy as np
import pytest

from tests.tools.run_here import run_here

pytest.importorskip('deepwave')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--set', 'a'], "--set must be NAME=FILE:MODELS, got 'a'"),
        (['--set', 'a=models.npz:none'], "--set must be NAME=FILE:MODELS, got 'a=models.npz:none'"),
        (['--set', 'a=nowhere.npz:1'], "'nowhere.npz' is not a file"),
        (['--set', 'a=models.npz:3'], '--set: a holds 2 models, 3 are asked for'),
        (['--factor', 2], 'factor must be odd'),
        (['--stages', 5, 3], 'stages must rise'),
    ],
)
def test_wrong_options(monkeypatch, capsys, root: Path, tmp_path: Path, options: list, message: str):
    np.savez(tmp_path / 'models.npz', velocity=np.full((2, 192, 288), 2000, np.uint16))
    options = [str(option).replace('models.npz', str(tmp_path / 'models.npz')) for option in options]
    config = root / 'configs' / 'attention_unet_velocity_quick.py'
    outcome = run_here(
        monkeypatch, capsys, 'analysis/refinement.py', config, 'none.pth', '--out', tmp_path / 'out', *options
    )
    assert outcome.returncode == 2
    assert message in outcome.stderr.replace(str(tmp_path / 'models.npz'), 'models.npz')
