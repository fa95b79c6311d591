"""Tools and configs are found by name, wherever mmattn is installed."""

from pathlib import Path

import pytest

from mmattn.common import resources
from mmattn.common.resources import config_names, docstring, find_config, opening_comment


@pytest.mark.parametrize(
    'name', ['ccnet_salt', 'ccnet_salt.py', 'configs/ccnet_salt.py', Path('configs', 'ccnet_salt.py')]
)
def test_a_config_by_its_name(name, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == root / 'configs' / 'ccnet_salt.py'


def test_a_config_in_a_folder_and_a_file_of_ones_own(root: Path, tmp_path: Path):
    assert find_config('salt_recipe/base') == root / 'configs' / 'salt_recipe' / 'base.py'
    own = tmp_path / 'ccnet_salt.py'
    own.touch()
    assert find_config(own) == own


def test_a_wrong_name_suggests_near_ones():
    with pytest.raises(FileNotFoundError, match=r"config 'ccnet_slat' is not a file; did you mean 'ccnet_salt'"):
        find_config('ccnet_slat')
    with pytest.raises(
        FileNotFoundError, match="config 'gone' is not a file, nor one of those that `mmattn configs` lists"
    ):
        find_config('gone')
    with pytest.raises(FileNotFoundError, match=r"config 'gone\.py' is not a file$"):
        find_config('gone.py')


def test_the_names_leave_parts_out():
    assert not any('_base_' in name for name in config_names())
    assert len(config_names()) > 80


def test_an_installed_wheel(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """There tools and configs lie inside the package."""
    package = tmp_path / 'site-packages' / 'mmattn'
    (package / '.mim').mkdir(parents=True)
    monkeypatch.setattr(resources, '_PACKAGE', package)
    with pytest.raises(FileNotFoundError, match='has no tools and configs'):
        resources.resources()
    for name in ('tools', 'configs'):
        (package / '.mim' / name).symlink_to(root / name)
    assert find_config('ccnet_salt') == package / '.mim' / 'configs' / 'ccnet_salt.py'


def test_what_files_say_of_themselves(tmp_path: Path):
    path = tmp_path / 'x.py'
    path.write_text('# python x.py\n# What it is,\n# in two lines.\nx = 1\n# no more\n')
    assert opening_comment(path) == 'What it is, in two lines.'
    path.write_text('"""Does it."""\nraise RuntimeError\n')
    assert docstring(path) == 'Does it.'
