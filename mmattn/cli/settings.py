"""What ``--cfg-options`` may set: what something reads, not the variables that a config was written with."""

import difflib
import inspect
from collections.abc import Iterator

from mmengine.config import Config
from mmengine.runner import Runner

from mmattn.common.errors import InputError

# What mmengine's runner, mmseg's inference and our tools read of a config, beside the runner's arguments.
_OTHER_SETTINGS = (
    'activation_checkpointing', 'compile', 'efficient_conv_bn_eval', 'find_unused_parameters', 'model_wrapper_cfg',
    'sync_bn', 'test_pipeline', 'tta_model', 'tta_pipeline',
)  # fmt: skip
SETTINGS = frozenset({*inspect.signature(Runner.__init__).parameters, *_OTHER_SETTINGS} - {'self', 'cfg'})
_PLACES = 3  # named in a message


def check_settings(options: dict, config: Config, path: str) -> None:
    """Refuses options that would change nothing.

    Args:
        options: dotted keys to values, as ``--cfg-options`` gives them.
        config: the experiment as it was read.
        path: of its file, named in the message.

    Raises:
        InputError: for an option whose first name is neither in the config nor anything that is read, with the nearest
            name; and for one that names a variable of the config, with the places where its value stands.
    """
    for key in options:
        name = key.split('.')[0]
        if name in SETTINGS:
            continue
        if name in config:
            raise InputError(f'--cfg-options {key}: {name!r} is a variable of {path!r}{_advice(name, config)}')
        close = difflib.get_close_matches(name, [*config, *SETTINGS], n=1)
        hint = f'; did you mean {close[0]!r}?' if close else f'; there are {", ".join(sorted(SETTINGS & {*config}))}'
        raise InputError(f'--cfg-options {key}: config {path!r} has no {name!r}{hint}')


def _advice(name: str, config: Config) -> str:
    """Says where a variable's value went, if that can be told."""
    value = config[name]
    settings = {key: item for key, item in config.items() if key in SETTINGS}
    places = [place for place, found in _walk(settings) if place.split('.')[-1] == name and found == value]
    if not places and isinstance(value, str | dict | list | tuple) and value:
        places = [place for place, found in _walk(settings) if found == value]
    if not places:
        return ', which was used while it was read: set what was made of it'
    more = ', …' if len(places) > _PLACES else ''
    return f', which was used while it was read: set {", ".join(places[:_PLACES])}{more}'


def _walk(node: object, place: str = '') -> Iterator[tuple[str, object]]:
    if place:
        yield place, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, item in items:
        yield from _walk(item, f'{place}.{key}' if place else str(key))
