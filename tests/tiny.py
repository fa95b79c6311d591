"""A tiny version of configs/ccnet_salt.py: seconds of training, everything else as it is."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_TEMPLATE = """
_base_ = ['{base}']
custom_imports = dict(imports=['mmattn', *{imports}], allow_failed_imports=False)
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=64, channels=16),
    auxiliary_head=dict(in_channels=32, channels=8),
)
train_cfg = dict(max_epochs={epochs}, val_interval=1)
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(num_sections=16, size=(48, 40)), **loader)
val_dataloader = dict(dataset=dict(num_sections=6, size=(48, 40)), **loader)
test_dataloader = val_dataloader
default_hooks = dict(logger=dict(interval=2))
"""


def write_tiny_config(
    folder: Path, extra: str = '', *, epochs: int = 1, imports: tuple[str, ...] = (), base: str = 'ccnet_salt.py'
) -> Path:
    """Writes a config of the synthetic survey into ``folder``; ``extra`` lines come last. Returns its path."""
    path = folder / 'tiny.py'
    text = _TEMPLATE.format(base=ROOT / 'configs' / base, epochs=epochs, imports=list(imports))
    path.write_text(text + extra, encoding='utf-8')
    return path


TWO_CHANNELS = """
for head in 'decode_head', 'auxiliary_head':
    model[head].update(out_channels=2, threshold=None, loss_decode=dict(use_sigmoid=False))
"""
