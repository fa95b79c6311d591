"""Training and testing on a SEG-Y volume from the command line."""

from pathlib import Path

import pytest
from mmseg.apis import init_model

from mmattn.seismic import estimate_clip, open_volume
from mmattn.seismic.synthetic import make_volume
from tests.seismic.segy_files import grid_file
from tests.tools.run_here import run_here
from tests.tools.run_tools import ROOT

pytestmark = pytest.mark.slow

CONFIG = f"""
_base_ = ['{ROOT}/configs/ccnet_segy.py']
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=64, channels=16),
    auxiliary_head=dict(in_channels=32, channels=8),
)
train_cfg = dict(max_epochs=1, val_interval=1)
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(window=(48, 48), stride=(48, 48), line_stride=8), **loader)
val_dataloader = dict(dataset=dict(window=(64, 64), line_stride=4), **loader)
test_dataloader = val_dataloader
default_hooks = dict(logger=dict(interval=2))
"""


def test_trains_and_keeps_the_clip_in_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
):
    amplitude, label = make_volume((32, 40, 48), seed=3)
    path = grid_file(amplitude * 1e4, format=1, bytes=(9, 21)).write(tmp_path / 'survey.sgy')
    salt = grid_file(label, format=8, bytes=(9, 21)).write(tmp_path / 'salt.sgy')
    for name, value in dict(AMPLITUDE=path, LABEL=salt, OPTIONS='{"iline": 9, "xline": 21}').items():
        monkeypatch.setenv(f'SEGY_{name}', str(value))
    (tmp_path / 'config.py').write_text(CONFIG, encoding='utf-8')
    work = tmp_path / 'work'
    trained = run_here(monkeypatch, capfd, 'train.py', tmp_path / 'config.py', '--work-dir', work)
    assert trained.returncode == 0, trained.stderr
    said = trained.stdout + trained.stderr
    assert "SegySaltDataset: 8 sections of survey (32, 40, 48) for 'train'" in said
    assert 'Could not safely load' not in said
    options = ['--tta', '--show-dir', tmp_path / 'show', '--work-dir', tmp_path / 'test']
    options += ['--cfg-options', 'visualizer.name=segy_test']  # mmengine would go on with the training's, of that name
    tested = run_here(monkeypatch, capfd, 'test.py', tmp_path / 'config.py', work / 'epoch_1.pth', *options)
    assert tested.returncode == 0, tested.stderr
    assert (tmp_path / 'test' / 'overlays.png').stat().st_size > 5000
    assert len(list((tmp_path / 'show').rglob('*.png'))) == 12
    model = init_model(str(tmp_path / 'config.py'), str(work / 'epoch_1.pth'), device='cpu')
    clip = estimate_clip(open_volume(path, iline=9, xline=21))
    assert model.dataset_meta['amplitude_clip'] == {'survey': clip}
