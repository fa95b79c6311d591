"""The published checkpoints that we read, and the rules for each."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mmattn.checkpoints.convert import Rule, convert, strip_component, unwrap

_BN = '(weight|bias|running_mean|running_var|num_batches_tracked)'
_QKV = r'(query|key|value)_conv\.(weight|bias)'


@dataclass(frozen=True)
class Source:
    """A family of checkpoints.

    Args:
        rules: renamings of the component's keys, without its prefix, and of a full checkpoint's keys.
        prefixes: what may stand before every key of a single component, the longest first.
    """

    rules: tuple[Rule, ...]
    prefixes: tuple[str, ...]


def _in_place_abn_scale(weight: Tensor) -> Tensor:
    """InPlaceABN scales by |weight| + eps where batch normalisation scales by weight."""
    return weight.abs() + 1e-5


def _abn(published: str, ours: str) -> tuple[Rule, Rule]:
    """Rules of one InPlaceABN layer."""
    return Rule(rf'{published}\.weight', f'{ours}.weight', _in_place_abn_scale), Rule(
        rf'{published}\.{_BN}', rf'{ours}.\1'
    )


# speedinghzl/CCNet: the attention layer (CrissCrossAttention) and the head (RCCAModule).
_CCNET = Source(
    prefixes=('head.cca.', 'head.', 'cca.'),
    rules=(
        Rule(_QKV, r'\1_conv.\2'),
        Rule('gamma', 'gamma'),
        Rule(rf'cca\.{_QKV}', r'attention.\1_conv.\2'),
        Rule(r'cca\.gamma', 'attention.gamma'),
        Rule(r'conva\.0\.weight', 'convs.0.conv.weight'),
        *_abn(r'conva\.1', 'convs.0.bn'),
        Rule(r'convb\.0\.weight', 'convs.1.conv.weight'),
        *_abn(r'convb\.1', 'convs.1.bn'),
        Rule(r'bottleneck\.0\.weight', 'conv_cat.conv.weight'),
        *_abn(r'bottleneck\.1', 'conv_cat.bn'),
        Rule(r'bottleneck\.3\.(weight|bias)', r'conv_seg.\1'),
    ),
)

# MMSegmentation's own heads, alone or inside a whole segmentor: only the attention is named otherwise.
_MMSEG = Source(
    prefixes=('decode_head.cca.', 'decode_head.', 'cca.'),
    rules=(
        Rule(_QKV, r'\1_conv.\2'),
        Rule(r'gamma\.scale', 'gamma', lambda scale: scale.reshape(1)),
        Rule(rf'(decode_head\.|)cca\.{_QKV}', r'\1attention.\2_conv.\3'),
        Rule(r'(decode_head\.|)cca\.gamma\.scale', r'\1attention.gamma', lambda scale: scale.reshape(1)),
        Rule(rf'((?:decode_head\.|)(?:convs\.[01]|conv_cat)\.(?:conv\.weight|conv\.bias|bn\.{_BN}))', r'\1'),
        Rule(r'((?:decode_head\.|)conv_seg\.(?:weight|bias))', r'\1'),
        Rule(r'((?:backbone|neck|auxiliary_head)\..+)', r'\1'),
        Rule(r'data_preprocessor\..+', None),
    ),
)

_SOURCES = {'ccnet': _CCNET, 'mmseg': _MMSEG}


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
