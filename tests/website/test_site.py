"""The documentation: every registered name, tool and config has its place, links hold, and what can run runs."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmattn.attention.registry import mechanisms
from mmattn.cli.tools import list_tools
from mmattn.common.resources import config_names, find_config
from website import pages
from website.components import API, PAGES, find_components

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *(ROOT / 'docs').rglob('*.md')])
BLOCK = re.compile(r'(<!-- not run -->\n+)?^```(\w+)[^\n]*\n(.*?)^```', re.MULTILINE | re.DOTALL)
RUNS = ('start.md', 'attention.md', 'synthetic.md')


def parametrize_documents():
    return pytest.mark.parametrize('path', DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])


LINK = re.compile(r'\]\(([^)\s]+)\)')
CODE = re.compile(r'```.*?```|`[^`\n]*`', re.DOTALL)


@pytest.fixture(scope='module')
def made() -> dict[str, str]:
    """The pages that are made, but for the help of tools, which takes their imports."""
    texts = dict.fromkeys(pages.OUTSIDE, 'text') | pages.reference_pages() | pages.config_pages()
    texts |= {f'tools/{name}.md': '' for name in list_tools()}
    return texts | {'tools/index.md': ''}


def registered() -> set[str]:
    """The names that mmattn's own classes are registered by, as the registries know them."""
    from mmengine.registry import Registry
    from mmseg import registry as mmseg_registries

    import mmattn.models  # noqa: F401  registers everything

    names = set()
    for registry in (item for item in vars(mmseg_registries).values() if isinstance(item, Registry)):
        for name, item in registry.module_dict.items():
            if getattr(item, '__module__', '').startswith('mmattn.'):
                names.add(name)
    return names


def test_every_registered_name_has_its_place(made):
    components = {component.name: component for component in find_components(ROOT)}
    assert registered() - set(components) == set(), 'website/components.py does not find them'
    assert set(mechanisms()) <= set(components)
    for component in components.values():
        assert f'::: {component.path}\n' in made[f'reference/{component.page}.md']
        assert f'[`{component.name}`]({component.page}.md#{component.path})' in made['reference/index.md']
    assert set(PAGES) == {component.page for component in components.values()}


def test_names_for_python_exist(made):
    for path in (path for paths in API.values() for path in paths):
        module, _, name = path.rpartition('.')
        assert hasattr(importlib.import_module(module), name), path
        assert f'::: {path}\n' in made['reference/python.md']


def test_every_tool_has_its_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, 'tool_help', lambda tool: f'help of {tool.name}')
    texts = pages.tool_pages()
    for name in list_tools():
        assert f'help of {name}' in texts[f'tools/{name}.md']
        assert f'[`mmattn {name}`]({name}.md)' in texts['tools/index.md']


def test_the_help_of_a_tool():
    assert pages.tool_help(list_tools()['info']).startswith('usage: mmattn info [-h]')
    assert 'tools/dist_train.sh CONFIG GPUS' in pages.tool_help(list_tools()['dist-train'])


def test_every_config_has_its_place(made):
    zoo = (ROOT / 'docs' / 'zoo.md').read_text(encoding='utf-8')
    for name in config_names():
        assert f'mmattn train {name}\n' in made[f'configs/{name}.md']
        assert f'(../configs/{name}.py)' in zoo
    assert '| 0.8160 |' in made['configs/salt_best.md']
    assert '(../../zoo.md)' in made['configs/salt_recipe/base.md']


def test_the_navigation_has_every_document(made):
    settings = yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))

    def leaves(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        items = node.values() if isinstance(node, dict) else node
        return [leaf for item in items for leaf in leaves(item)]

    named = leaves(settings['nav'])
    written = {path.relative_to(ROOT / 'docs').as_posix() for path in (ROOT / 'docs').rglob('*.md')}
    assert set(named) - written - set(made) == set()
    assert written - set(named) == set()
    assert {f'reference/{page}.md' for page in PAGES} <= set(named)


def test_every_environment_variable_has_its_place():
    page = (ROOT / 'docs' / 'environment.md').read_text(encoding='utf-8')
    found: set[str] = set()
    for folder in ('mmattn', 'configs', 'tools'):
        for path in (ROOT / folder).rglob('*.py'):
            if '.mim' not in path.parts:
                text = path.read_text(encoding='utf-8')
                found |= set(re.findall(r"environ(?:\.get\(|\[|\.setdefault\()'([A-Z_]+)'", text))
    for path in (ROOT / 'tools').glob('*.sh'):
        found |= set(re.findall(r'\$\{([A-Z_]+):-', path.read_text(encoding='utf-8')))
    launchers = {'MASTER_PORT', 'PATH', 'RANK', 'LOCAL_RANK', 'WORLD_SIZE'}
    launchers |= {'TORCHELASTIC_RESTART_COUNT', 'TORCHELASTIC_USE_AGENT_STORE', 'TORCH_DISABLE_SHARE_RDZV_TCP_STORE'}
    launchers |= {'SLURM_NTASKS'}
    assert {name for name in found - launchers if f'`{name}`' not in page} == set()


@parametrize_documents()
def test_links_hold(path: Path):
    for target in LINK.findall(CODE.sub('', path.read_text(encoding='utf-8'))):
        if target.startswith(('http', 'mailto:', '#')):
            continue
        name, _, anchor = target.partition('#')
        made_elsewhere = re.match(r'(\.\./)?(reference|tools)/|(\.\./)?(contributing|changelog)\.md', name)
        found = (path.parent / name).resolve()
        assert found.exists() or (made_elsewhere and 'docs' in path.parts), f'{path.name}: {target}'
        if anchor and found.suffix == '.md' and found.exists():
            headings = re.findall(r'^#+ (.+)$', found.read_text(encoding='utf-8'), re.MULTILINE)
            slugs = {re.sub(r'[^\w\- ]', '', heading.lower()).strip().replace(' ', '-') for heading in headings}
            assert anchor in slugs, f'{path.name}: {target}'


@parametrize_documents()
def test_commands_name_tools_and_configs_that_are_there(path: Path):
    tools = list_tools()
    for _, language, text in BLOCK.findall(path.read_text(encoding='utf-8')):
        if language not in ('bash', 'sh'):
            continue
        for line in text.splitlines():
            for name in re.findall(r'(?:^|\s)mmattn ([a-z][\w-]*)', line.split('#')[0]):
                assert name in {*tools, 'configs'}, line
            for script in re.findall(r'tools/\w+\.(?:py|sh)', line):
                assert (ROOT / script).is_file(), line
            for config in re.findall(
                r'(?:mmattn (?:train|test|predict|ablate|invert|export-onnx) |configs/)([\w/.-]+)', line
            ):
                shipped = (ROOT / 'mmattn' / 'networks' / config).is_dir()
                named = config in ('CONFIG', 'work_dirs/ccnet_salt') or config.endswith(('_', '-', '/'))
                if not shipped and not named:
                    assert find_config(config)


@parametrize_documents()
def test_python_compiles(path: Path):
    for _, language, text in BLOCK.findall(path.read_text(encoding='utf-8')):
        if language == 'python':
            ast.parse(text.replace(', ...)', ')').replace('…', '...'))


@pytest.mark.slow
@pytest.mark.parametrize('name', RUNS)
def test_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The blocks of a page in order, in one namespace, as a reader would."""
    monkeypatch.chdir(tmp_path)
    space: dict = {}
    ran = 0
    for skipped, language, text in BLOCK.findall((ROOT / 'docs' / name).read_text(encoding='utf-8')):
        if language == 'python' and not skipped:
            exec(compile(text, name, 'exec'), space)
            ran += 1
    assert ran


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec('mkdocs') is None, reason='needs mmattn[docs]')
def test_the_site_builds_without_a_warning(tmp_path: Path):
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-d', str(tmp_path / 'site')]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / 'site' / 'reference' / 'attention' / 'index.html').is_file()


def test_pictures_of_results_are_on_the_site():
    text = '![before and after](../results/velocity_inversion.png), [rows](../../results/costs.csv)'
    assert pages.site_links(text, 'inversion.md').startswith('![before and after](results/velocity_inversion.png)')
    assert pages.site_links(text, 'tutorials/inversion.md').endswith('[rows](../results/costs.csv)')
