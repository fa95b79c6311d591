import struct
from pathlib import Path

import numpy as np
import pytest
import segyio

from mmattn.seismic.segy import SegyError
from mmattn.seismic.segy.gathers import read_gathers

SHARED = Path(__file__).resolve().parents[4] / 'shared' / 'data' / 'segy'
T = segyio.TraceField


def write(path: Path, shots: np.ndarray, *, order: np.ndarray | None = None, dt: int = 4000, **changes) -> Path:
    """A file of gathers (S, T, R), sources 100 m and receivers 25 m apart, positions in centimetres."""
    count, samples, receivers = shots.shape
    traces = np.ascontiguousarray(shots.transpose(0, 2, 1).reshape(-1, samples))
    segyio.tools.from_array2D(str(path), traces, dt=dt, format=5)
    headers = [
        {
            T.FieldRecord: 7 + shot,
            T.SourceX: 10000 * shot,
            T.GroupX: 2500 * receiver,
            T.SourceGroupScalar: -100,
            T.TraceIdentificationCode: 1,
            T.TRACE_SAMPLE_INTERVAL: dt,
        }
        for shot in range(count)
        for receiver in range(receivers)
    ]
    for place, header in changes.get('headers', {}).items():
        headers[place].update(header)
    order = np.arange(len(headers)) if order is None else order
    with segyio.open(str(path), 'r+', ignore_geometry=True) as file:
        for place, source in enumerate(order):
            file.header[place] = headers[source]
            file.trace[place] = traces[source]
        file.bin[segyio.BinField.Interval] = dt
    return path


@pytest.fixture
def shots() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 12, 5)).astype(np.float32)


@pytest.mark.parametrize('by', ['auto', 'record', 'source'])
def test_any_order_of_traces(by: str, shots: np.ndarray, tmp_path: Path):
    order = np.random.default_rng(1).permutation(15)
    gathers = read_gathers(write(tmp_path / 's.sgy', shots, order=order), by=by)
    assert np.array_equal(gathers.shots, shots)
    assert gathers.dt == pytest.approx(0.004)
    assert gathers.source_x.tolist() == [0, 100, 200]  # the scalar of bytes 71-72 is applied
    assert gathers.receiver_x.tolist() == [0, 25, 50, 75, 100]
    assert gathers.notes == ()


def test_unsorted_records_follow_the_sources(shots: np.ndarray, tmp_path: Path):
    headers = {place: {T.FieldRecord: 100 - place // 5} for place in range(15)}
    gathers = read_gathers(write(tmp_path / 's.sgy', shots, headers=headers), by='record')
    assert np.array_equal(gathers.shots, shots)
    assert 'shots are put in the order of their sources' in gathers.notes


def test_dead_and_damaged_traces_are_said(shots: np.ndarray, tmp_path: Path):
    shots[1, 3, 2] = np.nan
    gathers = read_gathers(write(tmp_path / 's.sgy', shots, headers={4: {T.TraceIdentificationCode: 2}}))
    assert not gathers.shots[0, :, 4].any()
    assert gathers.notes == ('1 samples are NaN or infinite, taken as 0', '1 of 15 traces are dead (zero throughout)')


@pytest.mark.parametrize(
    ('headers', 'message'),
    [
        ({4: {T.GroupX: 7500}}, 'two traces at receiver position 75 .* a repeated shot'),
        ({7: {T.GroupX: 5100}}, 'shot 0 has receivers at 0 to 100, shot 100 at 0 to 100; .* the same receivers'),
        ({5: {T.SourceX: 0}}, 'shots have from 4 to 6 traces'),
    ],
)
def test_what_is_no_line_of_shots(headers: dict, message: str, shots: np.ndarray, tmp_path: Path):
    with pytest.raises(SegyError, match=message):
        read_gathers(write(tmp_path / 's.sgy', shots, headers=headers), by='source')


def test_repeated_sources(shots: np.ndarray, tmp_path: Path):
    path = write(tmp_path / 's.sgy', shots, headers={place: {T.SourceX: 0} for place in range(5, 10)})
    with pytest.raises(SegyError, match='1 of 3 shots repeat a source position'):
        read_gathers(path, by='record')


def test_no_receiver_positions(shots: np.ndarray, tmp_path: Path):
    path = write(tmp_path / 's.sgy', shots, headers={place: {T.GroupX: 0} for place in range(15)})
    with pytest.raises(SegyError, match='all 15 traces have the receiver position 0'):
        read_gathers(path)


@pytest.mark.parametrize(
    ('dt', 'message'),
    [(0, 'sample interval is 0 in bytes 117-118'), (4, 'a sample interval of 4 microseconds .* 4 milliseconds')],
)
def test_sample_intervals(dt: int, message: str, shots: np.ndarray, tmp_path: Path):
    with pytest.raises(SegyError, match=message):
        read_gathers(write(tmp_path / 's.sgy', shots, dt=dt))


def test_header_words_interval_scalar_and_unit_may_be_told(shots: np.ndarray, tmp_path: Path):
    path = write(tmp_path / 's.sgy', shots)
    data = bytearray(path.read_bytes())
    size = 240 + 4 * 12
    for place in range(15):  # sources and receivers as floats, in other words
        start = 3600 + place * size
        data[start + 180 : start + 188] = struct.pack('>ff', 328.084 * (place // 5), 82.021 * (place % 5))
    path.write_bytes(data)
    gathers = read_gathers(
        path,
        source_x='181:float32',
        receiver_x='185:float32',
        coordinate_scalar=1,
        coordinate_unit='ft',
        sample_interval=2.0,
    )
    assert gathers.source_x == pytest.approx([0, 100, 200], rel=1e-5)
    assert gathers.receiver_x == pytest.approx([0, 25, 50, 75, 100], rel=1e-5)
    assert gathers.dt == pytest.approx(0.002)
    assert np.array_equal(gathers.shots, shots)
    records = read_gathers(path, by='record', record=9, coordinate_scalar=-100)
    assert records.receiver_x.tolist() == gathers.receiver_x.round().tolist()


def test_a_cut_file_and_a_wrong_format_may_be_told(shots: np.ndarray, tmp_path: Path):
    path = write(tmp_path / 's.sgy', shots)
    data = bytearray(path.read_bytes())
    data[3224:3226] = struct.pack('>h', 1)  # says IBM, holds IEEE
    path.write_bytes(data)
    assert not np.array_equal(read_gathers(path).shots, shots)
    assert np.array_equal(read_gathers(path, format=5).shots, shots)
    path.write_bytes(data[:-100])
    with pytest.raises(SegyError, match='allow_truncated'):
        read_gathers(path)
    with pytest.raises(SegyError, match='3 shots have from 4 to 5 traces'):
        read_gathers(path, allow_truncated=True)


@pytest.mark.parametrize(('delay', 'option'), [(8, {}), (0, dict(start_time=8.0)), (80, dict(start_time=8))])
def test_gathers_begin_with_the_shot(delay: int, option: dict, shots: np.ndarray, tmp_path: Path):
    headers = {place: {T.DelayRecordingTime: delay} for place in range(15)}
    gathers = read_gathers(write(tmp_path / 's.sgy', shots, headers=headers), **option)
    assert gathers.shots.shape == (3, 14, 5)
    assert not gathers.shots[:, :2].any()
    assert np.array_equal(gathers.shots[:, 2:], shots)
    assert gathers.notes == (
        'recording began +2 samples after the shot (bytes 109-110): 2 zeros were put before each trace',
    )


def test_samples_before_the_shot_are_left_out(shots: np.ndarray, tmp_path: Path):
    headers = {place: {T.DelayRecordingTime: -12} for place in range(15)}
    path = write(tmp_path / 's.sgy', shots, headers=headers)
    gathers = read_gathers(path)
    assert np.array_equal(gathers.shots, shots[:, 3:])
    assert '-3 samples' in gathers.notes[0]
    assert np.array_equal(read_gathers(path, start_time=0).shots, shots)


@pytest.mark.parametrize(
    ('delays', 'message'),
    [
        ((6,), 'first sample is 1.5 samples after the shot .* between two; resample'),
        ((-48,), 'all 12 samples were recorded before the shot'),
        ((400,), 'began 100 samples after the shot .* traces have 12; where that is wrong give start_time=0'),
        ((0, 4), r'the delay \(bytes 109-110\) varies from 0 to 4 ms; give start_time'),
    ],
)
def test_delays_that_cannot_be(delays: tuple, message: str, shots: np.ndarray, tmp_path: Path):
    headers = {place: {T.DelayRecordingTime: delays[place % len(delays)]} for place in range(15)}
    with pytest.raises(SegyError, match=message):
        read_gathers(write(tmp_path / 's.sgy', shots, headers=headers))


def test_null_values_are_no_data(shots: np.ndarray, tmp_path: Path):
    filled = shots.copy()
    filled[1, 4:7, 2], filled[2, :, 3] = -999.25, 1e30
    path = write(tmp_path / 's.sgy', filled)
    assert np.array_equal(read_gathers(path).shots, filled)
    gathers = read_gathers(path, null_value=[-999.25, 1e30])
    expected = np.where(filled == shots, shots, 0)
    assert np.array_equal(gathers.shots, expected)
    assert gathers.notes == (
        '15 samples are null values, taken as 0',
        '1 of 15 traces are dead (zero throughout)',
    )


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(null_value='none'), 'null_value must be None, a number'),
        (dict(start_time=float('nan')), r'start_time \(milliseconds\)'),
        (dict(source_x='73:int8'), "source_x must be a byte position .* got '73:int8'"),
        (dict(coordinate_unit='deg'), "coordinate_unit must be 'm' or 'ft', got 'deg'"),
        (dict(sample_interval=4000.0), r'sample_interval \(milliseconds\)'),
        (dict(coordinate_scalar=0.5), 'coordinate_scalar'),
        (dict(num_samples=0), 'num_samples'),
    ],
)
def test_wrong_reading_options(option: dict, message: str, shots: np.ndarray, tmp_path: Path):
    with pytest.raises((ValueError, TypeError), match=message):
        read_gathers(write(tmp_path / 's.sgy', shots), **option)


def test_wrong_option(tmp_path: Path):
    with pytest.raises(ValueError, match="by must be one of 'auto', 'record', 'source', got 'shot'"):
        read_gathers(tmp_path, by='shot')


@pytest.mark.skipif(not (SHARED / 'shot-gather.sgy').is_file(), reason='the SEG-Y samples are not here')
@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('shot-gather.sgy', '4 shots have from 10 to 26 traces'),
        ('small-ps.sgy', 'all 24 traces have the receiver position 0'),
    ],
)
def test_real_files_without_the_same_receivers(name: str, message: str):
    with pytest.raises(SegyError, match=message):
        read_gathers(SHARED / name)
