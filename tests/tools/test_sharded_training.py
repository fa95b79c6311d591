"""Training split over processes by ``--strategy fsdp``."""

from pathlib import Path

import pytest
import torch

from tests.tiny import ROOT
from tests.tools.run_here import run_here
from tests.tools.run_tools import run
from tests.tools.test_several_machines import free_port

on_cpu = pytest.mark.skipif(
    not hasattr(torch.cpu.Stream, 'record_event'), reason=f'PyTorch {torch.__version__} splits models on GPUs alone'
)
CONFIG = """
_base_ = ['{base}']
widths = (8, 12, 16, 32)
norm_cfg = dict(type='GN', num_groups=4)
arch = dict(_delete_=True, embed_dims=widths, depths=(1, 1, 2, 1), modulation_heads=(4, 2, 4), attention_heads=(2, 4))
model = dict(
    backbone=dict(arch=arch),
    decode_head=dict(in_channels=widths, channels=8, norm_cfg=norm_cfg, dropout_ratio=0),
)
hooks = [dict(type='ExactResumeHook'), dict(type='ChannelsLastHook')]
custom_hooks = [*hooks, dict(type='ShardingHook', min_parameters=1000)]
train_cfg = dict(max_epochs=2, val_interval=1)
loader = dict(batch_size=1, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(num_sections=6, size=(64, 64)), **loader)
val_dataloader = dict(dataset=dict(num_sections=3, size=(64, 64)), **loader)
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))
"""


@on_cpu
@pytest.mark.slow
def test_a_split_model_learns_what_a_whole_one_does(tmp_path: Path):
    """Even from a checkpoint of a training that was not split; validation has an odd number of sections."""
    config = tmp_path / 'smt.py'
    config.write_text(CONFIG.format(base=ROOT / 'configs' / 'smt_salt.py'))
    whole = tmp_path / 'whole.py'
    whole.write_text(f"_base_ = ['{config}']\ncustom_hooks = [dict(type='ExactResumeHook')]\n")
    command = 'bash', 'tools/dist_train.sh'
    run(*command, whole, 2, '--work-dir', tmp_path / 'whole', PORT=free_port())
    work = tmp_path / 'split'
    work.mkdir()
    (work / 'epoch_1.pth').write_bytes((tmp_path / 'whole' / 'epoch_1.pth').read_bytes())
    (work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))
    run(*command, config, 2, '--strategy', 'fsdp', '--resume', '--work-dir', work, PORT=free_port())
    ours, theirs = (torch.load(folder / 'epoch_2.pth', weights_only=False) for folder in (work, tmp_path / 'whole'))
    for name, value in theirs['state_dict'].items():
        torch.testing.assert_close(ours['state_dict'][name], value, rtol=0, atol=1e-6)
    for number, state in theirs['optimizer']['state'].items():
        for name, value in state.items():
            torch.testing.assert_close(ours['optimizer']['state'][number][name], value, rtol=1e-4, atol=1e-6)


BFLOAT16 = """
train_cfg = dict(max_epochs=1)
optim_wrapper = dict(type='BFloat16OptimWrapper')
"""


@on_cpu
@pytest.mark.slow
def test_a_split_model_learns_in_mixed_precision(tmp_path: Path):
    """As a whole one does, in what --amp sets where the processor has it; the weights stay float32."""
    config = tmp_path / 'smt.py'
    config.write_text(CONFIG.format(base=ROOT / 'configs' / 'smt_salt.py') + BFLOAT16)
    whole = tmp_path / 'whole.py'
    whole.write_text(f"_base_ = ['{config}']\ncustom_hooks = {{{{_base_.hooks}}}}\n")
    command = 'bash', 'tools/dist_train.sh'
    run(*command, whole, 2, '--work-dir', tmp_path / 'whole', PORT=free_port())
    run(*command, config, 2, '--strategy', 'fsdp', '--work-dir', tmp_path / 'split', PORT=free_port())
    ours, theirs = (
        torch.load(tmp_path / name / 'epoch_1.pth', weights_only=False)['state_dict'] for name in ('split', 'whole')
    )
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-3)


def test_one_process_is_refused(monkeypatch, capsys, tmp_path: Path):
    result = run_here(monkeypatch, capsys, 'train.py', 'smt_salt', '--strategy', 'fsdp', '--work-dir', tmp_path / 'w')
    assert result.returncode == 2
    assert '--strategy fsdp splits a model over processes, and this is one: start tools/dist_train.sh' in result.stderr
