"""Synthetic sections as a TGS folder, baselines, gallery and the command lines."""

import csv
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmattn.seismic import open_volume
from mmattn.seismic.synthetic import SyntheticSurvey, write_tgs_folder
from mmattn.seismic.synthetic.baselines import otsu_iou
from mmattn.seismic.synthetic.comparison import read_tgs_sample, save_gallery, tile_statistics
from mmattn.seismic.tiles.rle import decode_rle

ROOT = Path(__file__).parents[3]
TGS = ROOT.parent / 'shared' / 'data' / 'tgs'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_tgs_folder(SyntheticSurvey((30, 24), seed=1), 12, tmp_path_factory.mktemp('new') / 'salt')


def run_tool(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')


def test_folder_holds_what_the_survey_makes(folder):
    survey = SyntheticSurvey((30, 24), seed=1)
    with open(folder / 'train.csv', newline='') as file:
        masks = {row['id']: row['rle_mask'] for row in csv.DictReader(file)}
    with open(folder / 'depths.csv', newline='') as file:
        depths = {row['id']: int(row['z']) for row in csv.DictReader(file)}
    names = sorted(path.stem for path in (folder / 'images').iterdir())
    assert sorted(masks) == sorted(depths) == names
    kinds = set()
    for index, name in enumerate(names):
        section = survey.section(index)
        image, mask = (np.asarray(Image.open(folder / kind / f'{name}.png')) for kind in ('images', 'masks'))
        np.testing.assert_array_equal(image, section.image)
        np.testing.assert_array_equal(mask > 0, section.mask > 0)
        np.testing.assert_array_equal(decode_rle(masks[name], (30, 24)), section.mask)
        assert mask.dtype == (np.uint16 if section.has_salt else np.uint8)
        assert mask.max() == (65535 if section.has_salt else 0)
        assert depths[name] == section.depth
        kinds.add(section.has_salt)
    assert kinds == {True, False}


def test_folder_is_readable_as_tgs(folder):
    images, masks = read_tgs_sample(folder, 5, seed=0)
    assert len(images) == len(masks) == 5
    assert images[0].shape == (30, 24)


def test_progress_is_reported(tmp_path):
    calls = []
    write_tgs_folder(SyntheticSurvey((16, 16)), 3, tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_wrong_targets_are_refused(folder, tmp_path):
    survey = SyntheticSurvey((16, 16))
    with pytest.raises(FileExistsError, match='salt is not empty; give a new or empty folder'):
        write_tgs_folder(survey, 2, folder)
    (tmp_path / 'file').write_text('')
    with pytest.raises(NotADirectoryError, match='file is a file; the target must be a new or empty folder'):
        write_tgs_folder(survey, 2, tmp_path / 'file')
    with pytest.raises(ValueError, match='num_sections must be at least 1, got 0'):
        write_tgs_folder(survey, 0, tmp_path / 'none')
    assert not (tmp_path / 'none').exists()


def test_baselines_find_salt_where_one_threshold_does():
    """A toy on which each attribute must score high: loud noise is salt, then quiet is."""
    rng = np.random.default_rng(0)
    mask = np.zeros((60, 60), np.uint8)
    mask[:, :30] = 1
    loud = rng.standard_normal((60, 60)) * np.where(mask, 20, 1)
    scores = otsu_iou([loud, loud], [mask, mask])
    assert scores['local variance'][0] > 0.7
    assert scores['smoothed envelope'][0] > 0.7
    for high, low in scores.values():
        assert high > low
    quiet = otsu_iou([loud], [1 - mask])
    assert quiet['local variance'][1] == pytest.approx(
        1 - (1 - scores['local variance'][0]) * mask.sum() / (mask == 0).sum(), abs=0.3
    )


def test_baselines_take_constant_sections_and_refuse_none():
    scores = otsu_iou([np.zeros((20, 20))], [np.eye(20, dtype=np.uint8)])
    assert scores['|amplitude|'] == (0.0, pytest.approx(0.05))
    with pytest.raises(ValueError, match='sections must hold at least one section'):
        otsu_iou([], [])


def test_an_interrupted_folder_leaves_nothing(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    survey = SyntheticSurvey((16, 16), seed=0)
    with pytest.raises(KeyboardInterrupt):
        write_tgs_folder(survey, 3, tmp_path / 'a', progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_statistics_of_a_plane_wave():
    z, x = np.mgrid[:120, :80]
    wave = (128 + 40 * np.sin(2 * np.pi * (z / 12 + x / 40))).astype(np.uint8)
    values = {name: value[0] for name, value in tile_statistics([wave]).items()}
    assert values['mean grey'] == pytest.approx(127.5, abs=0.5)
    assert values['deviation'] == pytest.approx(40 / np.sqrt(2), rel=0.01)
    assert values['kurtosis'] == pytest.approx(1.5, abs=0.02)
    assert values['vertical wavenumber'] == pytest.approx(1 / 12, rel=0.02)
    assert values['correlation along, 4'] == pytest.approx(np.cos(2 * np.pi * 4 / 12), abs=0.02)
    assert values['correlation across, 4'] == pytest.approx(np.cos(2 * np.pi * 4 / 40), abs=0.02)


def test_gallery_is_drawn(tmp_path):
    section = SyntheticSurvey((32, 40), seed=0).section(2)
    group = [section.image] * 3, [section.mask] * 3
    path = save_gallery(tmp_path / 'sub' / 'gallery.png', {'left': group, 'right': group}, columns=2, dpi=40)
    pixels = np.asarray(Image.open(path).convert('L'))
    assert pixels.shape[1] > pixels.shape[0]
    assert pixels.std() > 10
    with pytest.raises(ValueError, match='groups must hold at least one image'):
        save_gallery(tmp_path / 'none.png', {'left': ([], [])})


def test_tools_write_folders_and_volumes(monkeypatch, tmp_path, capsys):
    run_tool(monkeypatch, 'make_synthetic.py', 'tgs', tmp_path / 'a', '--num-sections', 2, '--size', 16, 20)
    assert len(list((tmp_path / 'a' / 'images').iterdir())) == 2
    run_tool(monkeypatch, 'make_synthetic.py', 'volume', tmp_path / 'v.npz', '--shape', 2, 16, 18)
    run_tool(monkeypatch, 'make_synthetic.py', 'volume', tmp_path / 'v.npy', '--shape', 2, 16, 18)
    whole = np.load(tmp_path / 'v.npz')
    np.testing.assert_array_equal(np.load(tmp_path / 'v.npy'), whole['amplitude'])
    np.testing.assert_array_equal(np.load(tmp_path / 'v_label.npy'), whole['label'])
    run_tool(monkeypatch, 'make_synthetic.py', 'volume', tmp_path / 'v.sgy', '--shape', 2, 16, 18)
    for name, samples in (('v.sgy', whole['amplitude']), ('v_label.sgy', whole['label'])):
        with open_volume(tmp_path / name) as volume:
            np.testing.assert_array_equal(volume.slab('iline', 0, 2), samples)
            assert volume.bin_size() == pytest.approx((25.0, 25.0))
            assert volume.length_unit == 'm'
            assert [axis[1, 15] for axis in volume.coordinates()] == [375.0, 25.0]
    assert capsys.readouterr().err.splitlines() == [
        f'{what}: 2 of 2, about 0 s left' for what in ('sections', 'inlines', 'inlines', 'inlines')
    ]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('tgs', 'new', '--size', 8, 8), 'size must be at least (16, 16), got (8, 8)'),
        (('volume', 'v.txt', '--shape', 2, 16, 16), 'the volume must be a .npz, .npy or .sgy file, got v.txt'),
    ],
)
def test_tools_say_what_is_wrong(monkeypatch, tmp_path, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        run_tool(monkeypatch, 'make_synthetic.py', *arguments)
    assert message in capsys.readouterr().err


def test_analysis_tools_run(monkeypatch, tmp_path, capsys, folder):
    run_tool(monkeypatch, 'analysis/synthetic_baselines.py', '--sections', 8, '--size', 32, 32)
    printed = capsys.readouterr().out
    assert 'sections of 32 x 32 a second' in printed
    assert 'local variance' in printed
    run_tool(monkeypatch, 'analysis/synthetic_baselines.py', '--sections', 8, '--data', folder)
    assert '8 sections: ' in capsys.readouterr().out
    run_tool(monkeypatch, 'analysis/synthetic_gallery.py', tmp_path / 'g.png', '--sections', 2, '--data', folder)
    assert (tmp_path / 'g.png').stat().st_size > 1000


@pytest.mark.skipif(not TGS.is_dir(), reason='no TGS data')
def test_real_tiles_are_no_easier_for_a_threshold():
    images, masks = read_tgs_sample(TGS, 60, seed=0)
    assert images[0].shape == masks[0].shape == (101, 101)
    assert max(max(pair) for pair in otsu_iou([image - np.median(image) for image in images], masks).values()) < 0.45
