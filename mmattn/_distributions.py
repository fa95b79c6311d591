"""Checks that MMSegmentation and its two foundations are installed, once each.

mmengine, mmcv and mmseg are published under two families of distribution names that hold the same import packages.
Installed over each other they overwrite each other's files, and the failure shows far from its cause.
"""

from collections.abc import Callable
from importlib import metadata, util

# import name -> (maintained distribution, original distributions)
_FAMILIES = {
    'mmengine': ('onedl-mmengine', ('mmengine', 'mmengine-lite')),
    'mmcv': ('onedl-mmcv', ('mmcv', 'mmcv-lite', 'mmcv-full')),
    'mmseg': ('onedl-mmsegmentation', ('mmsegmentation',)),
}


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def check_distributions(
    is_installed: Callable[[str], bool] = _is_installed,
    is_importable: Callable[[str], bool] = lambda name: util.find_spec(name) is not None,
) -> None:
    """Checks that each of mmengine, mmcv and mmseg comes from exactly one distribution.

    Args:
        is_installed: tells whether a distribution is installed.
        is_importable: tells whether an import name can be found.

    Raises:
        ImportError: if one is missing or installed twice; the message holds the commands that mend it.
    """
    missing, doubled = [], []
    for package, (maintained, originals) in _FAMILIES.items():
        present = [name for name in (maintained, *originals) if is_installed(name)]
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
        raise ImportError(f'mmattn: {", ".join(missing)} not found. Install them:\n  pip install {maintained}')
