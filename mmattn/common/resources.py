"""Where tools and configs lie: beside the package in a clone, in ``mmattn/.mim`` of an installed wheel."""

import ast
import os
from pathlib import Path

from mmattn.common.names import did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def resources() -> Path:
    """Returns the folder of ``tools`` and ``configs``.

    Raises:
        FileNotFoundError: if the installation has lost them.
    """
    for folder in (_PACKAGE.parent, _PACKAGE / '.mim'):
        if (folder / 'tools').is_dir() and (folder / 'configs' / '_base_').is_dir():
            return folder
    raise FileNotFoundError(f'mmattn at {_PACKAGE} has no tools and configs: install it again')


def config_names() -> dict[str, Path]:
    """Returns the experiments that come with mmattn: ``ccnet_salt`` or ``salt_recipe/base`` to the file."""
    folder = resources() / 'configs'
    files = sorted(path for path in folder.rglob('*.py') if '_base_' not in path.parts)
    return {path.relative_to(folder).with_suffix('').as_posix(): path for path in files}


def find_config(name: str | os.PathLike) -> Path:
    """Returns the file of a config: a path, or the name of one that comes with mmattn.

    Args:
        name: ``my/config.py``; or ``ccnet_salt``, ``ccnet_salt.py``, ``configs/ccnet_salt.py``, ``salt_recipe/base``.

    Raises:
        FileNotFoundError: if there is none; the message suggests near names.
    """
    if Path(name).is_file():
        return Path(name)
    names = config_names()
    short = Path(name).as_posix().removesuffix('.py').removeprefix('configs/')
    if short in names:
        return names[short]
    bare = Path(name).suffix != '.py' and len(Path(name).parts) == 1
    nor = ', nor one of those that `mmattn configs` lists' if bare else ''
    raise FileNotFoundError(f'config {str(name)!r} is not a file{did_you_mean(short, names) or nor}')


def docstring(path: Path) -> str:
    """Returns what a Python file says of itself, without running it."""
    return ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''


def script_text(path: Path) -> str:
    """Returns what a script says of itself: the docstring in Python, the comment after the first line in bash."""
    if path.suffix == '.py':
        return docstring(path)
    lines = []
    for line in path.read_text(encoding='utf-8').splitlines()[1:]:
        if not line.startswith('#'):
            break
        lines.append(line.removeprefix('#').removeprefix(' '))
    return '\n'.join(lines).strip()


def opening_comment(path: Path) -> str:
    """Returns the comment that a file opens with, in one line, without the command in its first line."""
    lines = []
    for line in path.read_text(encoding='utf-8').splitlines()[1:]:
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('#! ').strip())
    return ' '.join(lines)
