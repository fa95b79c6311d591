"""Importing mmattn says nothing and costs nothing, and each package imports only what it may."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmattn

ROOT = Path(mmattn.__file__).parent
OPENMMLAB = {'mmengine', 'mmcv', 'mmseg'}
SCIENCE = {'numpy', 'scipy', 'skimage', 'matplotlib', 'PIL', 'segyio', 'tifffile', 'zarr', 'jinja2'}
TORCH = {'numpy', 'torch'}
# Third-party packages, and packages of ours; a dotted name allows that module alone.
ALLOWED = {
    'common': ({'numpy'}, set()),
    'kernels': ({*TORCH, 'triton'}, {'common'}),
    'attention': (TORCH, {'kernels', 'common'}),
    'seismic': (SCIENCE, {'common'}),
    'waves': ({*TORCH, 'scipy', 'deepwave'}, {'seismic', 'common'}),
    'checkpoints': (TORCH, {'common'}),
    'models': (
        {*TORCH, *OPENMMLAB},
        {'attention', 'kernels.context', 'checkpoints', 'seismic.shots', 'waves', 'common'},
    ),
    'datasets': ({*SCIENCE, *OPENMMLAB, 'cv2', 'torch'}, {'seismic', 'waves', 'common'}),
    'evaluation': ({*SCIENCE, *OPENMMLAB, 'torch', 'prettytable'}, {'seismic', 'common'}),
    'inference': (
        {*SCIENCE, *OPENMMLAB, 'torch', 'safetensors', 'huggingface_hub', 'onnx', 'onnxruntime', 'openvino'},
        {
            'models',
            'attention.maps',
            'evaluation',
            'waves',
            'seismic',
            'common',
            'engine.processes',
            'engine.attention_pictures',
        },
    ),
    'viewer': ({'numpy', 'skimage', 'matplotlib', 'PIL', 'zarr', 'panel', 'bokeh'}, {'seismic', 'common'}),
    'engine': ({*SCIENCE, *OPENMMLAB, 'torch'}, {'attention.maps', 'checkpoints', 'evaluation', 'seismic', 'common'}),
    'cli': ({*OPENMMLAB, 'torch', 'rich'}, {'engine', 'checkpoints', 'datasets', 'common', 'kernels.context'}),
}
ALL = {*SCIENCE, *OPENMMLAB, 'torch', 'cv2', 'rich', 'yapf'}
ALLOWED |= dict.fromkeys(('costs', 'studies'), (ALL, {*ALLOWED, 'costs'}))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its head or later: ``from a import b`` counts as a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            found |= {f'{node.module}.{name.name}' for name in node.names}
    return found


@pytest.mark.parametrize('package', sorted(path.name for path in ROOT.iterdir() if (path / '__init__.py').is_file()))
def test_a_package_imports_only_what_it_may(package: str):
    others, ours = ALLOWED[package]
    for path in (ROOT / package).rglob('*.py'):
        for module in imports(path):
            head, _, rest = module.partition('.')
            if head in sys.stdlib_module_names:
                continue
            if module == 'mmattn.version.__version__':
                continue
            what = f'{path.relative_to(ROOT)} imports {module}'
            if head != 'mmattn':
                assert head in others, what
                continue
            assert any(f'{rest}.'.startswith(f'{allowed}.') for allowed in {*ours, package}), what
            own = rest.split('.')[0] == package
            assert own or not any(part.startswith('_') for part in rest.split('.')), what


def test_no_compiled_operators_are_imported():
    modules = {module for path in ROOT.rglob('*.py') for module in imports(path)}
    assert len(modules) > 100
    assert not any(f'{module}.'.startswith(('mmcv.ops.', 'mmcv._ext.')) for module in modules)


def run(code: str) -> str:
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, '')
    return result.stdout


def test_import_is_silent_and_brings_nothing_along():
    code = 'import sys, mmattn; print(sorted({"numpy", "torch", "mmengine", "mmcv", "mmseg"} & {*sys.modules}))'
    assert run(code) == '[]\n'


def test_seismic_needs_no_torch():
    code = 'import sys, mmattn.seismic; print(sorted({"torch", "mmengine", "mmcv", "mmseg"} & {*sys.modules}))'
    assert run(code) == '[]\n'


def test_attention_needs_torch_alone():
    """Without its compiler, too, which takes a second to import."""
    code = """
import sys
for name in ('mmengine', 'mmcv', 'mmseg'):
    sys.modules[name] = None
import torch
from mmattn.attention import build_attention, list_attention
assert len(list_attention()) > 10
compiler = 'torch._dynamo' in sys.modules
print(tuple(build_attention('CrissCrossAttention', 8)(torch.zeros(1, 8, 3, 4)).shape), compiler)
"""
    assert run(code) == '(1, 8, 3, 4) False\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    'first',
    [
        'from mmengine.config import Config; Config.fromfile("configs/ccnet_salt_quick.py")',
        'import mmattn; import mmseg.models',
        'import mmattn; from mmseg.apis import init_model; init_model("configs/ccnet_salt_quick.py", device="cpu")',
        'import mmattn; from mmengine.config import Config; Config.fromfile("configs/ccnet_salt_quick.py")',
        'import mmattn.models',
        'from mmattn.datasets import SaltDataset',
        'from mmattn.evaluation import tgs_precision',
        'import mmseg; import mmattn',
    ],
    ids=[
        'custom_imports',
        'before mmseg',
        'init_model',
        'before config',
        'models',
        'datasets',
        'evaluation',
        'after mmseg',
    ],
)
def test_components_are_registered_whatever_comes_first(first: str, root: Path):
    code = f"""
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()):
    {first}
    from mmengine.registry import init_default_scope
    init_default_scope('mmseg')
    from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
wanted = {{'CBAM': MODELS, 'CrissCrossHead': MODELS, 'SaltDataset': DATASETS, 'CurveHook': HOOKS,
          'SaltMetric': METRICS, 'LoadSaltAnnotations': TRANSFORMS}}
for name, registry in wanted.items():
    with registry.switch_scope_and_registry('mmseg') as own:
        print(own.get(name).__name__)
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=root)
    assert result.returncode == 0, result.stderr
    names = ['CBAM', 'CrissCrossHead', 'SaltDataset', 'CurveHook', 'SaltMetric', 'LoadSaltAnnotations']
    assert result.stdout.split()[-len(names) :] == names


@pytest.mark.parametrize('module', ['models', 'datasets', 'evaluation', 'inference', 'cli.launch', 'cli.device'])
def test_modules_that_need_mmseg_name_the_command(module: str):
    code = f"""
import importlib, importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == 'mmseg' else found(name, *rest)
import mmattn
try:
    importlib.import_module('mmattn.{module}')
except ImportError as error:
    print(error)
"""
    assert run(code).startswith('mmattn: mmseg not found. Install MMSegmentation:\n  pip install')


def test_a_missing_distribution_is_said_where_registration_is_wanted():
    code = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == 'mmcv' else found(name, *rest)
import mmattn.registration, mmattn.seismic
try:
    mmattn.registration.register()
except ImportError as error:
    print(error)
"""
    assert run(code).startswith('mmattn: mmcv not found. Install MMSegmentation:')
