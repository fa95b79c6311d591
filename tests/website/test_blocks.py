"""Python in the documentation whose files a reader has and a test must make."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS, TRANSFORMS

from mmattn.common.resources import find_config
from mmattn.inference.loading import load
from tests.seismic.segy_files import grid_file
from tests.tiny import ROOT, write_tiny_config
from tests.website.test_site import BLOCK, DOCUMENTS

REGISTRIES = MODELS, DATASETS, TRANSFORMS
OUTSIDE = re.compile(r'^.*user/salt-network.*\n', re.MULTILINE)  # the Hub


def blocks(name: str) -> list[str]:
    """The Python of a page."""
    text = (ROOT / 'docs' / name).read_text(encoding='utf-8')
    return [OUTSIDE.sub('', code) for _, language, code in BLOCK.findall(text) if language == 'python']


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A folder with what the pages name, small, and the variables that they take for granted."""
    import mmattn

    config = Config.fromfile(write_tiny_config(tmp_path))
    config.dump(tmp_path / 'tiny.py')
    model = MODELS.build(config.model)
    weights = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=['no', 'salt'])))
    work = tmp_path / 'work_dirs' / 'ccnet_salt'
    work.mkdir(parents=True)
    (work / 'ccnet_salt.py').write_text((tmp_path / 'tiny.py').read_text())
    for path in (tmp_path / 'CHECKPOINT', tmp_path / 'CHECKPOINT.pth', work / 'epoch_1.pth'):
        torch.save(weights, path)
    (work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))
    amplitudes = np.random.default_rng(0).normal(size=(64, 80)).astype('float32')
    survey = np.random.default_rng(1).normal(size=(6, 24, 48)).astype('float32')
    grid_file(survey).write(tmp_path / 'survey.sgy')
    section = np.clip(amplitudes * 40 + 128, 0, 255).astype('uint8')
    monkeypatch.chdir(tmp_path)
    return dict(mmattn=mmattn, section=section, amplitudes=amplitudes)


@pytest.mark.slow
def test_loading(space: dict):
    space |= dict(model=load('tiny.py', 'CHECKPOINT.pth'))
    space['model'].save('salt_network')
    for code in blocks('load.md'):
        code = code.replace("'ccnet_salt', ", "'tiny.py', ").replace('configs/ccnet_salt.py', 'tiny.py')
        if 'section.png' in code:
            from PIL import Image

            Image.fromarray(space['section']).save('section.png')
        if 'onnxruntime' in code:
            if torch.__version__ < (2, 7):
                continue
            from mmattn.inference.onnx_export import export_onnx

            export_onnx(space['model'], Path('salt.onnx'))
        exec(compile(code, 'load.md', 'exec'), space)
    assert space['probability'].squeeze().shape == (64, 80)
    assert Path('salt_network/README.md').is_file()


@pytest.mark.slow
def test_volumes(space: dict):
    for code in blocks('segy.md'):
        exec(compile(code.replace('configs/ccnet_segy.py', 'tiny.py'), 'segy.md', 'exec'), space)
    assert space['probability'].shape == (48, 24)
    assert Path('mask.sgy').is_file()


@pytest.mark.parametrize('path', DOCUMENTS, ids=[path.name for path in DOCUMENTS])
def test_components_take_the_options_that_pages_give_them(path: Path):
    for _, language, code in BLOCK.findall(path.read_text(encoding='utf-8')):
        if language != 'python':
            continue
        for node in ast.walk(ast.parse(code.replace(', ...)', ')').replace('…', '...'))):
            options = {word.arg: word.value for word in getattr(node, 'keywords', [])}
            kind = options.pop('type', None)
            if getattr(getattr(node, 'func', None), 'id', None) != 'dict' or not isinstance(kind, ast.Constant):
                continue
            found = [registry.get(kind.value) for registry in REGISTRIES]
            component = next((one for one in found if one is not None), None)
            if component is None or inspect.isfunction(component):
                continue
            inspect.signature(component).bind_partial(**options)


def test_a_config_of_ones_own_reads(tmp_path: Path):
    (code,) = blocks('tutorials/ablation.md')
    path = tmp_path / 'own.py'
    path.write_text(code.replace('configs/ccnet_salt_quick.py', str(find_config('ccnet_salt_quick'))))
    assert Config.fromfile(path).train_cfg.max_epochs == 8
