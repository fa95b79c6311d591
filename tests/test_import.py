"""Importing mmattn says nothing and needs no compiled operators."""

import subprocess
import sys
from pathlib import Path

import mmattn


def test_import_is_silent():
    result = subprocess.run([sys.executable, '-c', 'import mmattn'], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ('', '')


def test_no_compiled_operators_are_imported():
    sources = [path.read_text(encoding='utf-8') for path in Path(mmattn.__file__).parent.rglob('*.py')]
    assert len(sources) > 20
    assert not any('mmcv.ops' in source or 'mmcv._ext' in source for source in sources)


def test_sub_packages_know_only_what_they_may():
    """The packages attention and seismic stand alone; the others stand on them."""
    forbidden = {
        'attention': ('mmseg', 'mmengine', 'mmcv', 'mmattn.models', 'mmattn.seismic', 'mmattn.datasets'),
        'seismic': ('torch', 'mmseg', 'mmengine', 'mmcv', 'mmattn.attention', 'mmattn.models', 'mmattn.datasets'),
        'checkpoints': ('mmseg', 'mmattn.models', 'mmattn.datasets'),
        'models': ('mmattn.seismic', 'mmattn.datasets', 'mmattn.evaluation', 'mmattn.engine'),
        'datasets': ('mmattn.attention', 'mmattn.models', 'mmattn.evaluation', 'mmattn.engine'),
        'evaluation': ('mmattn.attention', 'mmattn.models', 'mmattn.datasets', 'mmattn.engine'),
    }
    root = Path(mmattn.__file__).parent
    for package, names in forbidden.items():
        for path in (root / package).rglob('*.py'):
            lines = [line.strip() for line in path.read_text(encoding='utf-8').splitlines()]
            for name in names:
                heads = (f'import {name}', f'from {name} ', f'from {name}.')
                assert not any(line.startswith(heads) for line in lines), f'{path.relative_to(root)} imports {name}'
