"""The commands of ``mmattn``: every file in ``tools``, with what it says of itself."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from mmattn.common.resources import resources, script_text

# Short names; the others are their file's.
_SHORT = {
    'predict_segy': 'predict',
    'segy_info': 'info',
    'convert_checkpoint': 'convert',
    'salt_benchmark': 'benchmark',
    'dist_predict_segy': 'dist-predict',
}
_HIDDEN = ('torchrun',)
_GROUPS = {
    'Networks': (
        *('train', 'test', 'predict', 'predict-images', 'few-lines', 'ensemble'),
        *('dist-train', 'dist-test', 'dist-predict', 'slurm-train'),
    ),
    'Data': ('info', 'view', 'export-salt', 'prepare-tgs', 'make-synthetic', 'make-shots'),
    'Inversion': ('invert',),
    'Explanation': ('attention-maps',),
    'Weights': ('convert', 'export-onnx', 'calibrate'),
    'Comparisons': ('ablate', 'benchmark', 'robustness', 'speed'),
    'For those who work on mmattn': ('attention-table', 'model-table', 'zoo', 'hardening'),
}
OTHERS = 'Others'
_program: str | None = None


@dataclass(frozen=True)
class Tool:
    """A command.

    Args:
        name: behind ``mmattn``.
        path: of its script, in Python or for bash.
        text: what the script says of itself: a line, then examples and more.
    """

    name: str
    path: Path
    text: str

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return self.text.splitlines()[0].rstrip('.') if self.text else ''

    @property
    def group(self) -> str:
        """The heading that it is listed under."""
        return next((title for title, names in _GROUPS.items() if self.name in names), OTHERS)


def command_name(stem: str) -> str:
    """Returns the command of a script's name without suffix."""
    return _SHORT.get(stem, stem.replace('_', '-'))


def list_tools() -> dict[str, Tool]:
    """Returns the commands by name, in the order of the list that ``mmattn`` prints."""
    folder = resources() / 'tools'
    tools = {}
    for path in sorted([*folder.glob('*.py'), *folder.glob('*.sh')]):
        if path.stem not in _HIDDEN:
            tools[command_name(path.stem)] = Tool(command_name(path.stem), path, script_text(path))
    order = [name for names in _GROUPS.values() for name in names if name in tools]
    return {name: tools[name] for name in [*order, *(name for name in tools if name not in order)]}


def program() -> str | None:
    """Returns ``mmattn train`` where a tool runs as such, else None: argparse then names its file."""
    return _program


def with_commands(text: str, program: str) -> str:
    """Returns a tool's text with its examples as they are typed: ``mmattn train`` where it was started so.

    Args:
        text: with ``python tools/train.py`` in it.
        program: that runs, as usage lines name it.
    """
    if not program.startswith('mmattn '):
        return text
    return re.sub(r'(?:python|bash) tools/(\w+)\.(?:py|sh)', lambda found: f'mmattn {command_name(found[1])}', text)


def run_script(tool: Tool, arguments: list[str]) -> None:
    """Runs a tool as if it were called from a shell; a script for bash takes this process' place."""
    if tool.path.suffix == '.sh':
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get('PATH', '')])
        os.execvpe('bash', ['bash', str(tool.path), *arguments], {**os.environ, 'PATH': path})
    import runpy

    global _program
    _program = f'mmattn {tool.name}'
    sys.argv = [str(tool.path), *arguments]
    sys.path.insert(0, str(tool.path.parent))
    try:
        runpy.run_path(str(tool.path), run_name='__main__')
    finally:
        _program = None
