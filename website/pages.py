"""The pages that are made of the source: reference, tools, configs, and files from outside of docs/."""

import contextlib
import io
import os
import re
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

from mmattn.cli.tools import Tool, list_tools
from mmattn.common.resources import config_names, opening_comment
from website.components import API, PAGES, find_components, module_text, summary

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {  # files of the repository that are pages of the site too
    'contributing.md': 'CONTRIBUTING.md',
    'changelog.md': 'CHANGELOG.md',
    'results/index.md': 'results/README.md',
}
_DIRECTIVE = """\
::: {path}
    options:
      heading_level: 2
      show_root_heading: true
      show_root_full_path: false
"""


def make_pages() -> dict[str, str]:
    """Returns the text of every page that is made, by its path on the site."""
    pages = {name: (ROOT / source).read_text(encoding='utf-8') for name, source in OUTSIDE.items()}
    return pages | reference_pages() | tool_pages() | config_pages()


def reference_pages() -> dict[str, str]:
    """One page a kind of component, one for Python, and their index."""
    components = find_components(ROOT)
    pages, index = (
        {},
        ['# Components', '', "What a config may name after `custom_imports = dict(imports=['mmattn'])`.", ''],
    )
    for page, (title, _) in PAGES.items():
        own = [component for component in components if component.page == page]
        parts = [f'{_DIRECTIVE.format(path=component.path)}\n{module_text(ROOT, component)}\n' for component in own]
        pages[f'reference/{page}.md'] = '\n'.join([f'# {title}', '', *parts])
        index += [f'## {title}', '', '| | |', '|---|---|']
        index += [f'| [`{c.name}`]({page}.md#{c.path}) | {summary(ROOT, c)} |' for c in own]
        index.append('')
    pages['reference/index.md'] = '\n'.join(index)
    lines = ['# From Python', '']
    for title, paths in API.items():
        lines += [f'## {title}', '']
        lines += [_DIRECTIVE.format(path=path).replace('heading_level: 2', 'heading_level: 3') for path in paths]
    pages['reference/python.md'] = '\n'.join(lines)
    return pages


def tool_pages() -> dict[str, str]:
    """One page a tool with its ``--help``, and their index."""
    pages, index = (
        {},
        ['# Tools', '', '`mmattn TOOL` from anywhere, `python tools/FILE` in a clone: both are the same.', ''],
    )
    group = None
    for tool in list_tools().values():
        if tool.group != group:
            group = tool.group
            index += ['', f'## {group}', '', '| | |', '|---|---|']
        index.append(f'| [`mmattn {tool.name}`]({tool.name}.md) | {tool.summary} |')
        title = f'# mmattn {tool.name}\n\nIn a clone: `{_clone_command(tool)}`\n'
        pages[f'tools/{tool.name}.md'] = f'{title}\n```text\n{tool_help(tool)}\n```\n'
    pages['tools/index.md'] = '\n'.join([*index, ''])
    return pages


def _clone_command(tool: Tool) -> str:
    return f'{"python" if tool.path.suffix == ".py" else "bash"} tools/{tool.path.name}'


def tool_help(tool: Tool) -> str:
    """Returns what a tool prints for ``--help``, and for a script in bash what it says of itself."""
    if tool.path.suffix == '.sh':
        return tool.text
    text = io.StringIO()
    arguments = [f'mmattn {tool.name}', '--help']
    with (
        patch.object(sys, 'argv', [str(tool.path), *arguments[1:]]),
        patch.object(sys, 'path', [str(tool.path.parent), *sys.path]),
        patch('mmattn.cli.tools._program', arguments[0]),
        patch.dict(os.environ, COLUMNS='110'),
        contextlib.redirect_stdout(text),
        contextlib.suppress(SystemExit),
    ):
        runpy.run_path(str(tool.path), run_name='__main__')
    return text.getvalue().strip()


def config_pages() -> dict[str, str]:
    """One page a config: its command, what it says of itself, what was measured, and its text."""
    pages = {}
    results = _rows_by_config((ROOT / 'docs' / 'zoo.md').read_text(encoding='utf-8'))
    for name, path in config_names().items():
        lines = [f'# {name}', '', opening_comment(path), '', f'```bash\nmmattn train {name}\n```', '']
        if name in results:
            lines += [*results[name], '', 'The [zoo](ZOO) says on what data, and how to measure it anew.', '']
        lines += [f'```python title="configs/{name}.py"', path.read_text(encoding='utf-8').rstrip(), '```', '']
        depth = name.count('/') + 1
        pages[f'configs/{name}.md'] = '\n'.join(lines).replace('(ZOO)', f'({"../" * depth}zoo.md)')
    return pages


def _rows_by_config(text: str) -> dict[str, list[str]]:
    """The rows of the zoo's tables under their head, by config, without the links."""
    rows: dict[str, list[str]] = {}
    head, name = [], ''
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith('|---') and number:
            head = [lines[number - 1], line]
        elif line.startswith('| [`'):
            name = line[4:].split('`')[0]
            rows[name] = [
                *head,
                re.sub(r'\]\(\.\./configs[^)]*\)', ']', line, count=1).replace('[`', '`', 1).replace('`]', '`', 1),
            ]
        elif line.startswith('|  |') and name in rows:
            rows[name].append(line)
    return rows


def site_links(markdown: str, page: str) -> str:
    """Returns a page with its links to files outside of docs/ turned to the pages of the site.

    Args:
        markdown: of the page.
        page: its path on the site.
    """
    up = '../' * page.count('/')
    rooted = page in OUTSIDE  # such a page links from where it lies in the repository

    def turned(found: re.Match) -> str:
        target, anchor = found[1], found[2] or ''
        source = Path(OUTSIDE[page]).parent if rooted else Path('docs') / Path(page).parent
        path = os.path.normpath(source / target)
        known = {value: key for key, value in OUTSIDE.items()} | {'results': 'results/index.md'}
        if path in known:
            return f']({up}{known[path]}{anchor})'
        if path.startswith('docs/') and rooted:
            return f']({up}{path.removeprefix("docs/")}{anchor})'
        if path == 'README.md':
            return f']({up}index.md{anchor})'
        if path.startswith('configs/') and path.endswith('.py') and '_base_' not in path:
            return f']({up}{path.removesuffix(".py")}.md)'
        if path.startswith('results/') and path.endswith(('.png', '.csv')):
            return f']({up}{path})'
        if path.startswith('mmattn/'):
            return f']({up}reference/index.md)'
        if path.startswith('configs'):
            return f']({up}zoo.md)'
        return found[0]

    return re.sub(r'\]\(((?!https?:|mailto:|#)[^)#\s]*)(#[^)]*)?\)', turned, markdown)
