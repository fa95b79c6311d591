"""The published checkpoints that we read: one file a family."""

from collections.abc import Mapping

from torch import Tensor

from mmattn.checkpoints.convert import Source, convert, strip_component, unwrap
from mmattn.checkpoints.sources.ccnet import CCNET
from mmattn.checkpoints.sources.mmseg import MMSEG

_SOURCES: dict[str, Source] = {'ccnet': CCNET, 'mmseg': MMSEG}


def list_sources() -> list[str]:
    """Returns the sources that ``convert_state_dict`` knows, sorted."""
    return sorted(_SOURCES)


def convert_state_dict(state_dict: Mapping, source: str) -> dict[str, Tensor]:
    """Renames the tensors of a published checkpoint to ours.

    Args:
        state_dict: names to tensors of one component (a head, a layer), with or without the prefix that a full
            checkpoint has (``decode_head.``, ``module.head.``): a prefix that every key has is taken off. Or a
            checkpoint with a ``state_dict`` entry.
        source: one of ``list_sources()``.

    Returns:
        Our names to the tensors; unused tensors are dropped by name.

    Raises:
        ValueError: for an unknown source.
        KeyError: for tensors that the source does not have; the message names them.
        TypeError: for entries that are not tensors.
    """
    if source not in _SOURCES:
        raise ValueError(f'convert_state_dict: no source {source!r}; there are {", ".join(list_sources())}')
    chosen = _SOURCES[source]
    return convert(strip_component(unwrap(state_dict), chosen.prefixes), chosen.rules, source)
