"""Every option of reading, once, by the dataset and by predict_segy.py: one that helps must be heeded by both."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from numpy.testing import assert_allclose, assert_array_equal

from mmattn.cli.device import replace_sync_bn
from mmattn.cli.segy_options import add_segy_options, format_options, segy_options
from mmattn.datasets import SegySaltDataset
from mmattn.seismic import open_volume
from mmattn.seismic.opening import OPEN_DEFAULTS
from mmattn.seismic.segy.volume import COORDINATES
from tests.seismic.segy_files import SegyFile, grid_file, make_cube
from tests.tiny import write_tiny_config
from tests.tools.run_here import run_here

SHAPE = (6, 7, 32)
CUBE = make_cube(SHAPE)
SALT = np.zeros(SHAPE, np.float32)
SALT[1:4, 2:6, 8:16] = 1
ROWS, COLUMNS = np.indices(SHAPE[:2])
PLACES = {181: 2500 * ROWS, 185: 1250 * COLUMNS}


def twice(cube: np.ndarray) -> SegyFile:
    """A file that holds a cube's traces, after others at the same places."""
    return grid_file(np.concatenate([0.5 * cube, cube]), ilines=np.tile(np.arange(10, 16), 2))


def cut(file: SegyFile) -> bytes:
    """A file and the first half of a further trace."""
    return file.to_bytes() + bytes([7] * 200)


def stated(code: int) -> Callable[[SegyFile], bytes]:
    """Writes a file with another code of its sample format."""

    def write(file: SegyFile) -> bytes:
        data = bytearray(file.to_bytes())
        data[3224:3226] = code.to_bytes(2, 'big')
        return bytes(data)

    return write


CASES = {
    'iline': (dict(iline='9:int16'), dict(bytes=('9:int16', 193)), None),
    'xline': (dict(xline='21:ibm'), dict(bytes=(189, '21:ibm')), None),
    'cdp_x': (
        dict(cdp_x='201:float32', cdp_y=185),
        dict(headers={'201:float32': 2500 * ROWS, 185: 1250 * COLUMNS}),
        None,
    ),
    'cdp_y': (dict(cdp_y='205:ibm'), dict(headers={181: 2500 * ROWS, '205:ibm': 1250 * COLUMNS}), None),
    'endian': (dict(endian='little'), dict(endian='<'), None),
    'geometry': (dict(geometry='2d'), {}, None),
    'duplicates': (dict(duplicates='last'), None, None),
    'num_samples': (dict(num_samples=32), dict(stated_samples=17, headers={-115: 0}), None),
    'sample_unit': (dict(sample_unit='m'), {}, None),
    'format': (dict(format=5), {}, stated(0)),
    'num_text_headers': (dict(num_text_headers=1), dict(num_extended=1, stated_extended=0), None),
    'allow_truncated': (dict(allow_truncated=True), {}, cut),
    'sample_interval': (dict(sample_interval=2.5), {}, None),
    'start_time': (dict(start_time=120.0), {}, None),
    'coordinate_scalar': (dict(coordinate_scalar=-100), dict(headers=PLACES), None),
    'coordinate_unit': (dict(coordinate_unit='ft'), dict(headers=PLACES), None),
    'null_value': (dict(null_value=-999.25), {}, None),
}


def file_of(cube: np.ndarray, name: str, path: Path, *, damaged: bool) -> str:
    """Writes a cube as a file that needs the option; what is wrong with one file alone only if ``damaged``."""
    _, options, write = CASES[name]
    file = twice(cube) if options is None else grid_file(cube, **options)
    path.write_bytes(write(file) if write and damaged else file.to_bytes())
    return str(path)


def amplitudes(name: str) -> np.ndarray:
    """The cube, with a fill value where the option names it."""
    cube = CUBE.copy()
    if name == 'null_value':
        cube[2:4, :, 20:] = -999.25
    return cube


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config and a checkpoint of random weights."""
    folder = tmp_path_factory.mktemp('model')
    config = write_tiny_config(folder)
    init_default_scope('mmseg')
    loaded = Config.fromfile(config)
    replace_sync_bn(loaded.model)
    torch.manual_seed(0)
    built = MODELS.build(loaded.model)
    torch.save(
        dict(state_dict=built.state_dict(), meta=dict(dataset_meta=dict(classes=['no', 'salt']))), folder / 'm.pth'
    )
    return config, folder / 'm.pth'


def test_all_options_are_here():
    assert set(CASES) == set(OPEN_DEFAULTS)
    parser = argparse.ArgumentParser()
    add_segy_options(parser.add_argument_group())
    assert segy_options(parser.parse_args([])) == dict(OPEN_DEFAULTS)
    for unit in COORDINATES:
        assert parser.parse_args(['--coordinate-unit', unit]).coordinate_unit == unit


@pytest.mark.parametrize('name', CASES)
def test_the_dataset_heeds_it(tmp_path: Path, name: str):
    options = CASES[name][0]
    cube = amplitudes(name)
    np.save(tmp_path / 'l.npy', SALT if name != 'geometry' else SALT.reshape(1, 42, 32))
    amplitude = file_of(cube, name, tmp_path / 'a.sgy', damaged=True)
    entry = dict(amplitude=amplitude, label=str(tmp_path / 'l.npy'), clip=3.0)
    dataset = SegySaltDataset([entry | options], pipeline=[dict(type='LoadSegySection')])
    sections = np.stack([sample['gt_seg_map'].T for sample in dataset])
    expected = SALT.astype(np.uint8)
    if name == 'null_value':
        expected[2:4, :, 20:] = 255
    assert_array_equal(sections.reshape(SHAPE), expected)
    grey = np.stack([sample['img'].T for sample in dataset]).reshape(SHAPE)
    known = expected != 255
    assert_allclose(grey[known], 128 + 127 * np.clip(CUBE / 3, -1, 1)[known], atol=1e-3)


@pytest.mark.parametrize('name', sorted(set(CASES) - {'null_value'}))
def test_a_label_of_the_same_making_is_read_alike(tmp_path: Path, name: str):
    amplitude = file_of(CUBE, name, tmp_path / 'a.sgy', damaged=True)
    label = file_of(SALT, name, tmp_path / 'l.sgy', damaged=False)
    options = dict(CASES[name][0])
    if name in ('sample_interval', 'start_time'):  # what mends one file is no option of the other
        options['label_options'] = dict(options)
    if name == 'num_text_headers':
        options['label_options'] = dict(num_text_headers=1)
    dataset = SegySaltDataset(
        [dict(amplitude=amplitude, label=label) | options], pipeline=[dict(type='LoadSegySection')]
    )
    found = np.stack([sample['gt_seg_map'].T for sample in dataset]).reshape(SHAPE)
    assert_array_equal(found == 1, SALT == 1)


@pytest.mark.parametrize('name', CASES)
def test_predict_segy_heeds_it(tmp_path: Path, monkeypatch, capsys, name: str, model):
    options = CASES[name][0]
    source = file_of(amplitudes(name), name, tmp_path / 'a.sgy', damaged=True)
    arguments = [
        *model, source, tmp_path / 'p.sgy', '--report', tmp_path / 'report', '--clip', 3, '--window', 32, 32,
        '--device', 'cpu', *format_options(options),
    ]  # fmt: skip
    outcome = run_here(monkeypatch, capsys, 'predict_segy.py', *arguments)
    assert outcome.returncode == 0, outcome.stderr
    mended = ('format', 'num_text_headers', 'allow_truncated', 'num_samples', 'endian', 'null_value')
    again = {} if name in mended else options
    if again:
        said = ', '.join(f'{option}={value!r}' for option, value in again.items() if value != OPEN_DEFAULTS[option])
        assert f'changed: the copy, like its source, opens with options: {said}' in outcome.stdout
    with open_volume(source, **options) as volume, open_volume(tmp_path / 'p.sgy', **again) as copy:
        assert copy.shape == volume.shape
        assert_array_equal(copy.trace_index, volume.trace_index)
        assert_array_equal(copy.samples, volume.samples)
        assert copy.bin_size() == volume.bin_size()
        values = copy.slab('iline', 0, copy.shape[0])
        assert ((values > 0) & (values < 1)).sum() == CUBE.size - (144 + 24 if name == 'null_value' else 0)
    survey = outcome.stdout
    for option, words in dict(
        sample_unit='0 to 124 m every 4 m', sample_interval='0 to 77.5 ms every 2.5 ms',
        start_time='120 to 244 ms every 4 ms', geometry='a line of 42 traces',
        coordinate_scalar='25 m from inline to inline, 12.5 m from crossline to crossline; area 0.01312 km2',
        coordinate_unit='2500 ft from inline to inline, 1250 ft', null_value='-999.25 read as no data',
        cdp_x='2500 m from inline to inline, 1250 m', cdp_y='2500 m from inline to inline, 1250 m',
    ).items():  # fmt: skip
        alike = option == name or {option, name} == {'cdp_x', 'cdp_y'}
        assert (words in survey) == alike, option
    summary = (tmp_path / 'report' / 'summary.md').read_text()
    assert ('area with salt, km2' in summary) == (name in ('cdp_x', 'cdp_y', 'coordinate_scalar', 'coordinate_unit'))
