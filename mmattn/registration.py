"""Registers mmattn's components with MMSegmentation, and checks that one family of distributions is installed.

``import mmattn`` imports nothing. Where mmengine is loaded already, as a config's ``custom_imports`` finds it, the
components register at once; else as soon as mmseg is imported, whoever imports it. mmengine's loaders of checkpoints
are closed to code from them as soon as they are there, with mmseg or without.

mmengine, mmcv and mmseg are published under two families of distribution names that hold the same import packages.
Installed over each other they overwrite each other's files, and the failure shows far from its cause.
"""

import contextlib
import importlib
import io
import sys
import warnings
from collections.abc import Callable
from importlib import util
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# import name -> (maintained distribution, original distributions)
_FAMILIES = {
    'mmengine': ('onedl-mmengine', ('mmengine', 'mmengine-lite')),
    'mmcv': ('onedl-mmcv', ('mmcv', 'mmcv-lite', 'mmcv-full')),
    'mmseg': ('onedl-mmsegmentation', ('mmsegmentation',)),
}
_PACKAGES = 'models', 'datasets', 'evaluation', 'engine'
# Modules of ours that cannot be imported without MMSegmentation.
_NEEDY = frozenset(
    f'mmattn.{name}'
    for name in (
        *(*_PACKAGES, 'inference', 'studies', 'cli.launch', 'cli.saved_weights', 'cli.device'),
        *('costs.complexity', 'costs.model_table', 'costs.benchmarks.backends', 'costs.benchmarks.published'),
    )
)
_LOADERS = 'mmengine.runner.checkpoint'


def register() -> None:
    """Imports MMSegmentation and everything of ours that its registries are to know.

    Raises:
        ImportError: if a distribution is missing or installed twice; the message holds the commands that mend it.
    """
    check_distributions()
    _import_mmseg()
    close_loaders()
    for package in _PACKAGES:
        importlib.import_module(f'mmattn.{package}')
    importlib.import_module('mmattn.models.decode_heads.stock').mend_stock_heads()
    importlib.import_module('mmattn.models.backbones.timm_backbone').mend_timm_backbone()
    importlib.import_module('mmattn.engine.building').improve_errors()
    importlib.import_module('mmattn.engine.counting').count_attention()
    importlib.import_module('mmattn.engine.whole_models').refuse_other_networks()


def close_loaders() -> None:
    """Lets mmengine's loaders read checkpoints without running code from them."""
    importlib.import_module('mmattn.checkpoints.reading').close_loaders(sys.modules[_LOADERS])


def register_when_wanted() -> None:
    """Registers at once where mmengine or mmseg is loaded, else once mmseg is."""
    if any(sys.modules.get(name) is not None for name in ('mmengine', 'mmseg')):
        register()
    elif not any(isinstance(finder, _AfterImport) for finder in sys.meta_path):
        sys.meta_path[:0] = [_AfterImport('mmseg', register), _AfterImport(_LOADERS, close_loaders)]


class _AfterImport(MetaPathFinder):
    """Finds one module as others do, and acts once its import has ended.

    On the way it checks that MMSegmentation is there before modules of ours look for it in vain.
    """

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._name, self._act = name, act
        self._asking = False

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Returns the module's own specification with a loader that acts; None for other modules."""
        if fullname in _NEEDY and not self._asking:
            check_distributions()
        if fullname != self._name or self._asking:
            return None
        self._asking = True
        try:
            spec = util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_act(module: ModuleType) -> None:
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                self._act()

            spec.loader.exec_module = execute_and_act
        return spec


def _is_installed(distribution: str) -> bool:
    from importlib import metadata  # costs more than the rest of this module

    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _is_importable(name: str) -> bool:
    return sys.modules.get(name) is not None or util.find_spec(name) is not None


def check_distributions(
    is_installed: Callable[[str], bool] = _is_installed, is_importable: Callable[[str], bool] = _is_importable
) -> None:
    """Checks that each of mmengine, mmcv and mmseg comes from exactly one distribution.

    Args:
        is_installed: tells whether a distribution is installed.
        is_importable: tells whether an import name can be found.

    Raises:
        ImportError: if one is missing or installed twice; the message holds the commands that mend it.
    """
    missing, doubled, has_original = [], [], False
    for package, (maintained, originals) in _FAMILIES.items():
        present = [name for name in (maintained, *originals) if is_installed(name)]
        has_original |= any(name in originals for name in present)
        if len(present) > 1:
            doubled += present
        elif not is_importable(package):
            missing.append(package)
    maintained = ' '.join(family[0] for family in _FAMILIES.values())
    if doubled:
        raise ImportError(
            f'mmattn: distributions that overwrite each other are installed together: {", ".join(doubled)}. '
            'Remove them all and install one family:\n'
            f'  pip uninstall -y {" ".join(doubled)}\n  pip install {maintained}'
        )
    if missing:
        extra = 'openmmlab' if has_original else 'onedl'  # never one family over a part of the other
        raise ImportError(
            f"mmattn: {', '.join(missing)} not found. Install MMSegmentation:\n  pip install 'mmattn[{extra}]'"
        )


def _import_mmseg() -> None:
    """Imports ``mmseg.datasets`` and ``mmseg.models`` without remarks on optional parts that mmattn does not use.

    MMSegmentation prints that a dataset library is absent, and warns of mmcv's compiled operators, each time it is
    imported. Anything else that it has to say passes through.
    """
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said):
            warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
            importlib.import_module('mmseg.datasets')
            importlib.import_module('mmseg.models')
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        raise ImportError(
            'mmattn: timm is installed with a torchvision that was built for another PyTorch than the one here, and '
            'does not import. Install torchvision from where torch comes from (for the CPU: pip install torchvision '
            '--index-url https://download.pytorch.org/whl/cpu), or remove both: pip uninstall -y timm torchvision'
        ) from error
    finally:
        for line in said.getvalue().splitlines():
            if line != 'Could not import OneDL':
                print(line)
