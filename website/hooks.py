"""What MkDocs calls: adds the pages that are made of the source, and turns links."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mkdocs.config.defaults import MkDocsConfig  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402
from mkdocs.structure.pages import Page  # noqa: E402

from website.pages import OUTSIDE, make_pages, site_links  # noqa: E402

_PICTURES = 'results'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds pages, and the pictures of results/."""
    for name, text in make_pages().items():
        files.append(File.generated(config, name, content=text))
    for path in sorted((ROOT / _PICTURES).iterdir()):
        if path.suffix in ('.png', '.csv'):
            files.append(File.generated(config, f'{_PICTURES}/{path.name}', abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links to files outside of docs/."""
    name = page.file.src_uri
    return markdown if name.startswith(('reference/', 'tools/')) and name not in OUTSIDE else site_links(markdown, name)
