"""Errors that help where a config names a type that no registry has, or an option that one of our components lacks."""

import functools
from collections.abc import Callable, Iterator

import mmengine.registry
import mmseg.registry
from mmengine.registry import Registry
from mmseg.models.backbones.resnet import ResNet

from mmattn.common.names import did_you_mean
from mmattn.common.options import with_checked_options

_MARK = '_mmattn_suggests'


def improve_errors() -> None:
    """Makes our registered classes check their options, and registries suggest near names for unknown types."""
    for registry in _registries():
        for component in registry.module_dict.values():
            if isinstance(component, type) and component.__module__.startswith('mmattn.'):
                with_checked_options(component)
        if not hasattr(registry.build_func, _MARK):
            registry.build_func = _suggesting(registry.build_func)


def _registries() -> Iterator[Registry]:
    for module in (mmengine.registry, mmseg.registry):
        yield from (value for value in vars(module).values() if isinstance(value, Registry))


def _suggesting(build: Callable) -> Callable:
    @functools.wraps(build)
    def build_or_suggest(cfg: object, *args: object, registry: Registry, **options: object) -> object:
        if isinstance(cfg, dict):
            with registry.switch_scope_and_registry(cfg.get('_scope_')) as own:
                check_type(cfg.get('type'), own)
                if cfg.get('plugins'):
                    check_plugins(cfg, own)
        return build(cfg, *args, registry=registry, **options)

    setattr(build_or_suggest, _MARK, True)
    return build_or_suggest


def check_plugins(cfg: dict, registry: Registry) -> None:
    """Checks the plugins of a backbone of MMSegmentation, which are built without a registry's help.

    Raises:
        KeyError: if a plugin's type is unknown.
        ValueError: if two are at one position of a ResNet's stage: the last one alone would act.
    """
    plugins = [plugin for plugin in cfg['plugins'] if isinstance(plugin, dict) and isinstance(plugin.get('cfg'), dict)]
    for plugin in plugins:
        check_type(plugin['cfg'].get('type'), registry, f' (plugins of {cfg.get("type")})')
    kind = registry.get(cfg['type']) if isinstance(cfg.get('type'), str) else cfg.get('type')
    if not (isinstance(kind, type) and issubclass(kind, ResNet)):
        return
    stages = cfg.get('num_stages', 4)
    taken: dict[tuple[object, int], object] = {}
    for plugin in plugins:
        own = plugin['cfg'].get('type')
        for stage, here in enumerate(plugin.get('stages') or (True,) * stages):
            place = plugin.get('position'), stage
            if here and place in taken:
                raise ValueError(
                    f'{cfg.get("type")}: plugins {taken[place]} and {own} are both at {place[0]!r} of stage '
                    f'{stage + 1}, where MMSegmentation applies the last alone; move one to another position or stage'
                )
            if here:
                taken[place] = own


def check_type(name: object, registry: Registry, where: str = '') -> None:
    """Raises KeyError, with near names, if a registry and those above it have no component of a name."""
    if not isinstance(name, str) or registry.get(name) is not None:
        return
    known, above = dict(registry.module_dict), registry.parent
    while above is not None:
        known |= above.module_dict
        above = above.parent
    near = did_you_mean(name.split('.')[-1], known)
    raise KeyError(f'{name!r} is not in the {registry.scope}::{registry.name} registry{near}{where}')
