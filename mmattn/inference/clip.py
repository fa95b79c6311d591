"""Which amplitude becomes black or white."""

from pathlib import Path

from mmengine.model import is_model_wrapper
from torch import nn

from mmattn.seismic import Volume, estimate_clip
from mmattn.seismic.volumes.amplitude import refuse_fill_values


def choose_clip(model: nn.Module, volume: Volume, clip: float | str | None) -> tuple[float, str]:
    """Finds the clip that a prediction uses.

    Training on volumes saves the clip of each, by the volume's name, in the checkpoint's
    ``meta['dataset_meta']['amplitude_clip']``, which ``init_model`` leaves in ``model.dataset_meta``.

    Args:
        model: the segmentor.
        volume: as ``mmattn.seismic.open_volume`` gives it.
        clip: a number; 'survey'; 'checkpoint'; None for the checkpoint's if it knows this volume, else the survey's.

    Returns:
        The clip, and where it comes from in words.

    Raises:
        ValueError: if the checkpoint's is asked for and it has none, or several and none of this volume's name; if the
            volume has no amplitudes to estimate from; if samples of live traces look like a fill value.
    """
    refuse_fill_values(volume)
    if isinstance(clip, int | float):
        return float(clip), 'as given'
    while is_model_wrapper(model):
        model = model.module
    saved = dict((getattr(model, 'dataset_meta', None) or {}).get('amplitude_clip') or {})
    name = Path(volume.path).stem if volume.path else None
    known = next((key for key in saved if name is not None and Path(key).stem == name), None)
    if clip == 'checkpoint' and known is None and len(saved) == 1:
        known = next(iter(saved))
    if known is not None and clip != 'survey':
        return float(saved[known]), f"the checkpoint's of {known}"
    if clip == 'checkpoint':
        found = f'those of {", ".join(saved)}, none of {volume.name}' if saved else 'none'
        raise ValueError(f"clip 'checkpoint': the checkpoint holds {found}; give 'survey' or a number (--clip)")
    return float(estimate_clip(volume)), "estimated from this volume's traces"
