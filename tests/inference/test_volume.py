"""Volumes: what is written, bounded memory, resuming bit for bit."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmattn.inference import Outputs, TilePredictor, VolumeOptions, predict_section, predict_volume
from mmattn.inference.plan import make_plan
from mmattn.inference.scratch import Scratch
from mmattn.seismic import ArrayVolume, SegyVolume, open_volume, scale_amplitude, to_grey
from tests.inference.models import GreyModel, build_tiny
from tests.seismic.segy_files import grid_file, make_cube

SHAPE = (9, 14, 33)
SMALL = VolumeOptions(window=(16, 16), overlap=0.25, batch_size=3, clip=2.0, memory=0.012)


@pytest.fixture
def survey(tmp_path: Path) -> tuple[SegyVolume, np.ndarray]:
    """A survey with missing traces and two dead ones, and its amplitudes."""
    cube = make_cube(SHAPE)
    cube[4, 6:8] = 0
    missing = np.zeros(SHAPE[:2], bool)
    missing[0, :3] = missing[8] = True
    grid_file(cube, missing=missing).write(tmp_path / 'in.sgy')
    return open_volume(tmp_path / 'in.sgy'), cube


def pixelwise(cube: np.ndarray, volume: SegyVolume) -> np.ndarray:
    """What ``GreyModel`` gives on the amplitudes."""
    grey = to_grey(scale_amplitude(cube[: volume.shape[0]], 2.0))
    return np.where(volume.live[..., None], 1 / (1 + np.exp(-(grey - 128) / 32)), 0)


def read_all(path: Path) -> np.ndarray:
    with open_volume(path) as volume:
        return volume.slab('iline', 0, volume.shape[0])


def test_the_prediction_of_a_pixelwise_model(survey, tmp_path):
    zarr = pytest.importorskip('zarr')
    volume, cube = survey
    outputs = Outputs(tmp_path / 'p.sgy', mask=tmp_path / 'm.sgy', std=tmp_path / 's.sgy', zarr=tmp_path / 'z.zarr')
    result = predict_volume(GreyModel(), volume, outputs, options=SMALL)
    expected = pixelwise(cube, volume)
    np.testing.assert_allclose(read_all(tmp_path / 'p.sgy'), expected, atol=1e-6)
    assert np.array_equal(read_all(tmp_path / 'm.sgy'), (expected > 0.5).astype(np.float32))
    np.testing.assert_allclose(read_all(tmp_path / 's.sgy'), 0, atol=1e-6)
    group = zarr.open_group(str(tmp_path / 'z.zarr'), mode='r')
    np.testing.assert_allclose(group['probability'][:], expected, atol=1e-6)
    assert np.array_equal(group['live'][:], volume.live)
    assert group['std'].shape == volume.shape
    assert result.directions == ('iline', 'xline')
    assert result.clip_source == 'as given'
    assert 'samples of all traces' in result.changes['probability']
    assert not outputs.scratch.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in.sgy', 'm.sgy', 'p.sgy', 's.sgy', 'z.zarr']


def test_dead_traces_stay_dead_and_headers_stay(survey, tmp_path):
    volume, _ = survey
    predict_volume(GreyModel(), volume, tmp_path / 'p.sgy', options=SMALL)
    with open_volume(tmp_path / 'p.sgy') as written:
        assert np.array_equal(written.trace_index, volume.trace_index)
        assert np.array_equal(written.live, volume.live)
        assert any('probability of salt' in line for line in written.text)


def hidden_fill() -> np.ndarray:
    """A cube of 3000 traces of which one, that the sample of 2000 misses, holds a fill value."""
    cube = make_cube((60, 50, 8))
    row, column = divmod(int(np.random.default_rng(0).permutation(3000)[2900]), 50)
    cube[row, column, 4:] = -999.25
    return cube


def test_a_fill_value_that_the_sample_missed_ends_the_work(tmp_path):
    options = VolumeOptions(window=(16, 16), clip=2.0)
    with pytest.raises(ValueError, match=r'0\.02% are -999\.25, which looks like a fill value: null_value=-999\.25'):
        predict_volume(GreyModel(), ArrayVolume(hidden_fill()), tmp_path / 'p.npy', options=options)
    assert list(tmp_path.iterdir()) == []
    volume = ArrayVolume(hidden_fill(), null_value=-999.25)
    result = predict_volume(GreyModel(), volume, tmp_path / 'p.npy', options=options)
    assert result.num_null_samples == 4
    assert not np.load(tmp_path / 'p.npy')[hidden_fill() == -999.25].any()


def test_mean_and_spread_over_directions_and_flips(tmp_path):
    model = build_tiny()
    cube = make_cube((12, 13, 20))
    outputs = Outputs(tmp_path / 'p.npy', std=tmp_path / 's.npy')
    options = VolumeOptions(window=(64, 64), flip=True, clip=2.0)
    predict_volume(model, ArrayVolume(cube), outputs, options=options)
    grey = to_grey(scale_amplitude(cube, 2.0))
    predictor, members = TilePredictor(model), []
    for turned in (False, True):
        step = -1 if turned else 1
        lines = [predict_section(predictor, section.T[:, ::step], window=(64, 64))[:, ::step].T for section in grey]
        members.append(np.stack(lines))
        cross = grey.transpose(1, 0, 2)
        lines = [predict_section(predictor, section.T[:, ::step], window=(64, 64))[:, ::step].T for section in cross]
        members.append(np.stack(lines, axis=1))
    np.testing.assert_allclose(np.load(tmp_path / 'p.npy'), np.mean(members, axis=0), atol=2e-5)
    np.testing.assert_allclose(np.load(tmp_path / 's.npy'), np.std(members, axis=0), atol=2e-5)
    assert np.load(tmp_path / 's.npy').max() > 1e-3


class StoppedError(Exception):
    """Ends a prediction from its progress."""


def stop_after(calls: int):
    def progress(stage: str, done: int, total: int) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise StoppedError(stage)

    return progress


def test_interrupted_anywhere_the_files_are_the_same(survey, tmp_path):
    volume, _ = survey
    model = build_tiny()

    def outputs(folder: str) -> Outputs:
        (tmp_path / folder).mkdir(exist_ok=True)
        paths = {name: tmp_path / folder / f'{name[0]}.sgy' for name in ('probability', 'mask', 'std')}
        return Outputs(**paths, min_body=3, fill_holes=True)

    predict_volume(model, volume, outputs('whole'), options=SMALL)
    for stops in (0,), (2, 3), (5, 0, 4), (13,), (20,), (39,):
        folder = f'cut {stops}'
        for stop in stops:
            with pytest.raises(StoppedError):
                predict_volume(model, volume, outputs(folder), options=SMALL, resume=True, progress=stop_after(stop))
            assert outputs(folder).scratch.is_dir()
            assert not list((tmp_path / folder).glob('.*'))
        result = predict_volume(model, volume, outputs(folder), options=SMALL, resume=True)
        assert result.resumed_blocks == min(sum(stop + 1 for stop in stops), result.num_blocks)
        assert result.num_blocks == 9
        for name in ('p.sgy', 'm.sgy', 's.sgy'):
            assert (tmp_path / folder / name).read_bytes() == (tmp_path / 'whole' / name).read_bytes()


@pytest.fixture
def unfinished(survey, tmp_path) -> tuple[GreyModel, SegyVolume, Path]:
    """A prediction that was stopped after two blocks."""
    model = GreyModel()
    with pytest.raises(StoppedError):
        predict_volume(model, survey[0], tmp_path / 'p.sgy', options=SMALL, progress=stop_after(1))
    return model, survey[0], tmp_path / 'p.sgy'


def test_an_unfinished_prediction_is_not_begun_anew(unfinished):
    model, volume, path = unfinished
    with pytest.raises(FileExistsError, match=r'p.sgy.partial holds an unfinished prediction: resume it \(--resume\)'):
        predict_volume(model, volume, path, options=SMALL)
    assert not path.exists()


def test_another_prediction_is_refused_and_the_difference_named(unfinished, tmp_path):
    model, volume, path = unfinished
    other = VolumeOptions(window=(16, 24), overlap=0.25, batch_size=4, clip=2.0, memory=0.012)
    with pytest.raises(ValueError, match='cannot be resumed') as caught:
        predict_volume(model, volume, path, options=other, resume=True)
    assert 'window was [16, 16], is [16, 24]' in str(caught.value)
    assert 'batch size was 3, is 4' in str(caught.value)
    assert 'weights' not in str(caught.value)
    model.scale.data += 1
    with pytest.raises(ValueError, match=r'weights was [0-9a-f]{16}, is [0-9a-f]{16}'):
        predict_volume(model, volume, path, options=SMALL, resume=True)
    model.scale.data -= 1
    source = Path(volume.path)
    source.write_bytes(source.read_bytes())
    with pytest.raises(ValueError, match='input changed at was'):
        predict_volume(model, volume, path, options=SMALL, resume=True)


def test_a_journal_cut_short_loses_one_block(unfinished):
    model, volume, path = unfinished
    journal = path.with_name('p.sgy.partial') / 'journal-0.txt'
    lines = journal.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    journal.write_text(lines[0] + lines[1][:-3])
    result = predict_volume(model, volume, path, options=SMALL, resume=True)
    assert result.resumed_blocks == 1


def test_an_output_that_is_there_is_kept(survey, tmp_path):
    (tmp_path / 'p.sgy').write_bytes(b'mine')
    for resume, hint in ((False, ''), (True, ', and nothing unfinished lies beside it to resume')):
        with pytest.raises(FileExistsError, match=rf'p.sgy exists{hint}; give another name or remove it'):
            predict_volume(GreyModel(), survey[0], tmp_path / 'p.sgy', options=SMALL, resume=resume)
    assert (tmp_path / 'p.sgy').read_bytes() == b'mine'


def test_a_resumed_run_replaces_only_what_it_wrote(unfinished, tmp_path):
    model, volume, path = unfinished
    (tmp_path / 'm.sgy').write_bytes(b'mine')
    with pytest.raises(FileExistsError, match=r'm.sgy exists; give another name or remove it'):
        predict_volume(model, volume, Outputs(path, mask=tmp_path / 'm.sgy'), options=SMALL, resume=True)
    assert (tmp_path / 'm.sgy').read_bytes() == b'mine'


def test_an_output_that_appears_meanwhile_is_not_overwritten(survey, tmp_path):
    """As of two predictions with one mask."""
    outputs = Outputs(tmp_path / 'p.sgy', mask=tmp_path / 'm.sgy')

    def other(stage: str, done: int, total: int) -> None:
        (tmp_path / 'm.sgy').write_bytes(b'theirs')

    with pytest.raises(FileExistsError, match=r'm.sgy has been written meanwhile'):
        predict_volume(GreyModel(), survey[0], outputs, options=SMALL, progress=other)
    assert (tmp_path / 'm.sgy').read_bytes() == b'theirs'
    mine = Outputs(tmp_path / 'p.sgy', mask=tmp_path / 'n.sgy')
    result = predict_volume(GreyModel(), survey[0], mine, options=SMALL, resume=True)
    assert result.resumed_blocks == result.num_blocks


def test_a_second_process_is_kept_out(unfinished):
    model, volume, path = unfinished
    scratch = Scratch(path.with_name('p.sgy.partial'))
    scratch.begin(json.loads((scratch.folder / 'plan.json').read_text()), resume=True)
    with pytest.raises(FileExistsError, match=r'another process is predicting into .*p.sgy.partial'):
        predict_volume(model, volume, path, options=SMALL, resume=True)
    scratch.release()
    assert predict_volume(model, volume, path, options=SMALL, resume=True).resumed_blocks == 2


def test_the_plan_obeys_the_memory():
    model = GreyModel()
    shape = (400, 300, 1000)
    for memory in (16, 64, 4096):
        plan = make_plan(model, shape, VolumeOptions(memory=memory), clip=1.0, keep_spread=False)
        assert plan.block_lines['xline'] * 3 * 4 * 400 * 1000 <= memory * 2**20
        assert max(plan.block_lines.values()) <= 16
        lines = [stop - start for direction, start, stop in plan.blocks if direction == 'xline']
        assert sum(lines) == 300
    with pytest.raises(ValueError, match=r'memory of 1 MiB does not hold one iline: at least 3.4 MiB'):
        make_plan(model, shape, VolumeOptions(memory=1), clip=1.0, keep_spread=False)


@pytest.mark.parametrize(
    ('batch_size', 'window', 'lines'),
    [(8, 256, 16), (16, 256, 16), (20, 256, 20), (64, 256, 64), (64, 128, 32), (48, 128, 24), (1000, 256, 1000)],
)
def test_blocks_fill_whole_batches(batch_size: int, window: int, lines: int):
    """Of sections of 256 x 128: one window or two."""
    options = VolumeOptions(('iline',), window=(window, 128), overlap=0, batch_size=batch_size)
    plan = make_plan(GreyModel(), (2000, 128, 256), options, clip=1.0, keep_spread=False)
    assert plan.block_lines['iline'] == lines
    little = make_plan(GreyModel(), (2000, 128, 256), replace(options, memory=8), clip=1.0, keep_spread=False)
    assert little.block_lines['iline'] == min(lines, 21)  # what 8 MiB hold


def test_large_batches_reach_the_network(tmp_path, monkeypatch):
    """Of a small survey whose sections are one window each."""
    taken, call = [], TilePredictor.__call__
    monkeypatch.setattr(TilePredictor, '__call__', lambda self, tiles: taken.append(len(tiles)) or call(self, tiles))
    options = VolumeOptions(('iline',), window=(32, 32), batch_size=40, clip=2.0)
    predict_volume(GreyModel(), ArrayVolume(make_cube((80, 20, 24))), tmp_path / 'p.npy', options=options)
    assert [count for count in taken if count > 1] == [40, 40]


def test_lines_have_one_direction(tmp_path):
    cube = make_cube((1, 20, 24))
    result = predict_volume(GreyModel(), ArrayVolume(cube), tmp_path / 'p.npy', options=VolumeOptions(clip=2.0))
    assert result.directions == ('iline',)
    with pytest.raises(ValueError, match='direction xline: its sections are one trace wide'):
        predict_volume(
            GreyModel(), ArrayVolume(cube), tmp_path / 'q.npy', options=VolumeOptions(directions=('xline',), clip=2.0)
        )
    outputs = Outputs(tmp_path / 'q.npy', std=tmp_path / 's.npy')
    with pytest.raises(ValueError, match='std is the spread of several predictions: give both directions, or flip'):
        predict_volume(GreyModel(), ArrayVolume(cube), outputs, options=VolumeOptions(clip=2.0))


def test_the_clip_comes_from_the_checkpoint_if_it_knows_the_volume(survey, tmp_path):
    volume, _ = survey
    model = GreyModel()
    results = []

    def predict(name: str, clip: float | str | None) -> tuple[float, str]:
        result = predict_volume(model, volume, tmp_path / f'{name}.sgy', options=VolumeOptions((('iline'),), clip=clip))
        results.append(result)
        return result.clip, result.clip_source

    estimated = predict('a', None)
    assert estimated == (estimated[0], "estimated from this volume's traces")
    model.dataset_meta = dict(amplitude_clip={'other': 3.5})
    assert predict('b', None) == estimated
    assert predict('c', 'checkpoint') == (3.5, "the checkpoint's of other")
    model.dataset_meta = dict(amplitude_clip={'other': 3.5, 'in': 4.5})
    assert predict('d', None) == predict('e', 'checkpoint') == (4.5, "the checkpoint's of in")
    assert predict('f', 'survey') == estimated
    model.dataset_meta = dict(amplitude_clip={'other': 3.5, 'third': 4.5})
    with pytest.raises(ValueError, match=r'the checkpoint holds those of other, third, none of in.sgy'):
        predict('g', 'checkpoint')
    model.dataset_meta = {}
    with pytest.raises(ValueError, match="the checkpoint holds none; give 'survey' or a number"):
        predict('g', 'checkpoint')


def test_windows_without_live_traces_are_left_out(tmp_path, monkeypatch):
    calls = []
    forward = GreyModel.encode_decode

    def counted(self, inputs, metas):
        calls.append(len(inputs))
        return forward(self, inputs, metas)

    monkeypatch.setattr(GreyModel, 'encode_decode', counted)
    cube = make_cube((4, 64, 16))
    cube[:, 16:] = 0
    options = VolumeOptions(directions=('iline',), window=(16, 16), overlap=0, clip=2.0)
    predict_volume(GreyModel(), ArrayVolume(cube), tmp_path / 'p.npy', options=options)
    assert sum(calls) - 2 == 4  # two are the trial of the prepared network
    assert not np.load(tmp_path / 'p.npy')[:, 16:].any()


def test_the_report(survey, tmp_path, monkeypatch):
    volume, cube = survey
    drawn = []
    monkeypatch.setattr('mmattn.seismic.salt.report.save_histogram', lambda *_, **__: None)
    monkeypatch.setattr('mmattn.seismic.salt.report.save_slices', lambda slices, path: drawn.extend(slices))
    outputs = Outputs(tmp_path / 'p.sgy', report=tmp_path / 'report')
    result = predict_volume(GreyModel(), volume, outputs, options=SMALL, about=dict(checkpoint='<b>a.pth</b>'))
    page = (tmp_path / 'report' / 'report.html').read_text()
    for words in ('&lt;b&gt;a.pth&lt;/b&gt;', '<th>parameters</th><td>1</td>', 'iline and xline', '2, as given'):
        assert words in page
    assert result.warnings == []
    summary = json.loads((tmp_path / 'report' / 'summary.json').read_text())
    assert summary['salt cells'] == np.count_nonzero(pixelwise(cube, volume) > 0.5)
    assert summary['live traces'] == np.count_nonzero(volume.live)
    assert [one.probability.shape for one in drawn] == [SHAPE[:0:-1], (33, 8), (8, 14)]


@pytest.mark.parametrize('report', [False, True])
def test_an_undecided_network_is_told(survey, tmp_path, report: bool):
    model = GreyModel()
    torch.nn.init.constant_(model.scale, 0.02)
    outputs = Outputs(tmp_path / 'p.sgy', report=tmp_path / 'report' if report else None)
    result = predict_volume(model, survey[0], outputs, options=SMALL)
    (said,) = result.warnings
    assert said.startswith('probabilities hardly leave the threshold 0.5: 100% of the samples')
    if report:
        assert said in (tmp_path / 'report' / 'report.html').read_text()
        assert json.loads((tmp_path / 'report' / 'summary.json').read_text())['warnings'][0] == said


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(probability='p.txt'), 'probability must end with .sgy, .segy, .npy, .zarr, .mdio, got'),
        (dict(threshold=1.0), 'threshold must lie between 0 and 1, got 1.0'),
        (dict(min_body=5), 'min_body, hysteresis and fill_holes clean the mask: ask for a mask'),
        (dict(hysteresis=0.7), 'min_body, hysteresis and fill_holes clean the mask: ask for a mask'),
        (dict(mask='m.sgy', hysteresis=0.5), 'hysteresis must lie between the threshold, 0.5, and 1, got 0.5'),
        (dict(mask='p.sgy'), 'two outputs have the same name'),
        (dict(zarr='p.npy'), 'zarr must end with .zarr, .mdio, got'),
    ],
)
def test_wrong_outputs_are_named(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Outputs(**{'probability': 'p.sgy', **change})


def test_outputs_that_cannot_be_written_are_named_before_work(survey, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='would be a copy of a SEG-Y input, and the input is none'):
        predict_volume(GreyModel(), ArrayVolume(make_cube()), tmp_path / 'p.sgy')
    with pytest.raises(ValueError, match=r'in.sgy is the input itself'):
        predict_volume(GreyModel(), survey[0], tmp_path / 'in.sgy')
    with monkeypatch.context() as patch:
        patch.setattr('tempfile.TemporaryFile', lambda dir: os.open(dir, os.O_RDWR))
        with pytest.raises(PermissionError, match=r"probability: nothing can be written into '.*' \(Is a directory\)"):
            Outputs(tmp_path / 'p.npy', mask=tmp_path / 'm.npy').check(ArrayVolume(make_cube()))
    with pytest.raises(FileNotFoundError, match=r"probability: folder '.*gone' does not exist"):
        predict_volume(GreyModel(), survey[0], tmp_path / 'gone' / 'p.sgy')


def test_mdio_stores_have_the_names_that_mdio_reads(survey, tmp_path):
    zarr = pytest.importorskip('zarr')
    volume, cube = survey
    outputs = Outputs(tmp_path / 'p.mdio', zarr=tmp_path / 'all.mdio')
    predict_volume(GreyModel(), volume, outputs, options=SMALL)
    group = zarr.open_group(str(tmp_path / 'all.mdio'), mode='r')
    assert set(group.array_keys()) == {'probability', 'std', 'inline', 'crossline', 'time', 'trace_mask'}
    assert group['probability'].metadata.dimension_names == ('inline', 'crossline', 'time')
    assert group['time'].attrs['unitsV1'] == {'time': 'ms'}
    assert group.attrs['apiVersion'] == '1.0.0'
    for path in (tmp_path / 'p.mdio', tmp_path / 'all.mdio' / 'probability'):
        with open_volume(path) as written:
            assert np.array_equal(written.ilines, volume.ilines)
            assert np.array_equal(written.samples, volume.samples)
            assert np.array_equal(written.live, volume.live)
            np.testing.assert_allclose(written.slab('iline', 0, volume.shape[0]), pixelwise(cube, volume), atol=1e-6)


def test_missing_zarr_is_said_before_work(survey, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'zarr', None)
    with pytest.raises(ValueError, match=r'z.zarr: writing Zarr needs `pip install mmattn\[zarr\]`'):
        predict_volume(GreyModel(), survey[0], Outputs(tmp_path / 'p.sgy', zarr=tmp_path / 'z.zarr'))


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(directions=('time',)), 'directions must be iline, xline or both, got'),
        (dict(memory=0), 'memory must be a positive number of MiB, got 0'),
        (dict(clip='auto'), "clip must be a positive number, 'survey' or 'checkpoint', got 'auto'"),
        (dict(clip=-1.0), "clip must be a positive number, 'survey' or 'checkpoint', got -1.0"),
        (dict(batch_size=0), 'batch_size must be at least 1, got 0'),
        (dict(batch_size='a'), "batch_size must be an integer, got 'a'"),
        (dict(window=5), 'window must be 2 integers, got 5'),
        (dict(stride=(1,)), r'stride must be 2 integers, got \(1,\)'),
        (dict(overlap='a'), "overlap must be a number, got 'a'"),
    ],
)
def test_wrong_options_are_named(option: dict, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        VolumeOptions(**option)
