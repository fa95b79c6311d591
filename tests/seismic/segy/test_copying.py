"""Copies with other samples, checked byte by byte."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmattn.seismic import SegyError, copy_with_samples, open_volume
from mmattn.seismic.segy import copying
from tests.seismic.segy_files import grid_file, make_cube


def blocks_of(volume, values: np.ndarray, direction: str = 'iline'):
    """A generator of two lines at a time."""
    axis = 0 if direction == 'iline' else 1
    for start in range(0, volume.shape[axis], 2):
        lines = slice(start, start + 2)
        index = volume.trace_index[lines] if axis == 0 else volume.trace_index[:, lines]
        chosen = values[lines] if axis == 0 else values[:, lines]
        yield index.ravel(), chosen.reshape(-1, values.shape[2])


def split(data: bytes, volume, sample_size: int) -> tuple[bytes, list[bytes], bytes]:
    """Head, trace headers and what follows the traces."""
    size = 240 + sample_size * volume.shape[2]
    end = volume.layout.data_start + size * volume.num_traces
    headers = [data[at : at + 240] for at in range(volume.layout.data_start, end, size)]
    return data[: volume.layout.data_start], headers, data[end:]


@pytest.mark.parametrize('direction', ['iline', 'xline'])
@pytest.mark.parametrize(
    ('code', 'endian', 'encoding', 'order'),
    [(5, '>', 'cp037', 'iline'), (1, '>', 'ascii', 'mixed'), (3, '<', 'cp037', 'xline'), (8, '>', 'cp037', 'mixed')],
)
def test_keeps_every_byte_that_need_not_change(tmp_path, code, endian, encoding, order, direction):
    rng = np.random.default_rng(1)
    missing = np.zeros((5, 6), bool)
    missing[2, 3:] = True
    noise = {byte: rng.integers(0, 1000, (5, 6)) for byte in (41, 73, 181, 197, 233)}
    file = grid_file(
        make_cube((5, 6, 9), integers=True), format=code, endian=endian, encoding=encoding, order=order,
        missing=missing, num_extended=1, headers=noise,
    )  # fmt: skip
    source = open_volume(file.write(tmp_path / 'a.sgy'))
    values = rng.random((5, 6, 9)).astype(np.float32)
    target = tmp_path / 'new' / 'b.sgy'
    changes = copy_with_samples(source, target, blocks_of(source, values, direction), text_line='SALT PROBABILITY')
    copy = open_volume(target)
    assert_array_equal(copy.slab('iline', 0, 5), np.where(missing[..., None], 0, values))
    assert (copy.layout.format.code, copy.layout.endian) == (5, endian)
    old, old_headers, old_tail = split((tmp_path / 'a.sgy').read_bytes(), source, source.layout.format.size)
    new, new_headers, new_tail = split(target.read_bytes(), copy, 4)
    assert old_headers == new_headers
    assert (old_tail, new_tail) == (b'', b'')
    line = slice(37 * 80, 38 * 80)
    assert new[line].decode(encoding) == 'C38 SALT PROBABILITY'.ljust(80)
    expected = bytearray(old)
    expected[line] = new[line]
    expected[3224:3226] = struct.pack(endian + 'h', 5)
    assert new == bytes(expected)
    said = ' | '.join(changes)
    assert "line 38: 'C38' became 'C38 SALT PROBABILITY'" in said
    assert ('sample format' in said) == (code != 5)
    assert ('bytes of a trace' in said) == (code in (3, 8))


def test_dead_traces_stay_dead_and_forgotten_ones_are_said(tmp_path: Path):
    cube = make_cube()
    cube[1, 2] = 0
    source = open_volume(grid_file(cube).write(tmp_path / 'a.sgy'))
    ones = np.ones((19, 12), np.float32)
    changes = copy_with_samples(source, tmp_path / 'b.sgy', [(np.arange(19), ones)])
    copy = open_volume(tmp_path / 'b.sgy')
    expected = np.ones((20, 12))
    expected[[7, 19]] = 0
    assert_array_equal(copy.slab('iline', 0, 4).reshape(20, 12), expected)
    assert changes == [
        'samples of all traces',
        '1 traces that are dead, or not part of the volume, are zero',
        '1 traces without new samples are zero',
    ]


def test_trailing_blocks_of_revision_2_are_kept(tmp_path: Path):
    file = grid_file(make_cube(integers=True), format=3, revision=2, binary={3531: 1}, trailer=b'T' * 3200)
    source = open_volume(file.write(tmp_path / 'a.sgy'))
    assert source.layout.num_trailers == 1
    copy_with_samples(source, tmp_path / 'b.sgy', blocks_of(source, make_cube(integers=True)))
    copy = open_volume(tmp_path / 'b.sgy')
    assert_array_equal(copy.slab('iline', 0, 4), make_cube(integers=True))
    assert (tmp_path / 'b.sgy').read_bytes()[-3200:] == b'T' * 3200


def test_a_full_textual_header_loses_line_38_and_says_so(tmp_path: Path):
    file = grid_file(make_cube())
    path = file.write(tmp_path / 'a.sgy')
    data = bytearray(path.read_bytes())
    data[:3200] = ''.join(f'C{number:2d} IN USE'.ljust(80) for number in range(1, 41)).encode('cp037')
    path.write_bytes(data)
    source = open_volume(path)
    changes = copy_with_samples(source, tmp_path / 'b.sgy', [], text_line='NEW')
    assert changes[0] == "textual header, line 38: 'C38 IN USE' became 'C38 NEW'"
    lines = open_volume(tmp_path / 'b.sgy').text
    assert lines[36:40] == ['C37 IN USE', 'C38 NEW', 'C39 IN USE', 'C40 IN USE']


@pytest.mark.parametrize(
    ('block', 'message'),
    [
        ((np.arange(2), np.zeros((2, 5))), r'positions \(n,\) and samples \(n, 12\), got \(2,\) and \(2, 5\)'),
        ((np.array([20]), np.zeros((1, 12))), 'traces beyond 19 or written before'),
        ((np.array([3, 3]), np.zeros((2, 12))), 'a block holds a trace twice'),
        ((np.array([4]), np.full((1, 12), np.nan)), 'samples of traces 4 to 4 are not all finite'),
    ],
)
def test_wrong_blocks_leave_no_file(tmp_path: Path, block: tuple, message: str):
    source = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    with pytest.raises(ValueError, match=message):
        copy_with_samples(source, tmp_path / 'b.sgy', [block])
    assert [path.name for path in tmp_path.iterdir()] == ['a.sgy']


def test_an_interruption_leaves_what_was_there(tmp_path: Path):
    source = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    (tmp_path / 'b.sgy').write_text('before')

    def interrupted():
        yield np.array([0]), np.ones((1, 12))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_with_samples(source, tmp_path / 'b.sgy', interrupted())
    assert (tmp_path / 'b.sgy').read_text() == 'before'
    assert len(list(tmp_path.iterdir())) == 2


def test_never_writes_over_its_source(tmp_path: Path):
    source = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    (tmp_path / 'link.sgy').symlink_to(tmp_path / 'a.sgy')
    with pytest.raises(ValueError, match=r'link\.sgy.* is the source itself'):
        copy_with_samples(source, tmp_path / 'link.sgy', [])
    with pytest.raises(ValueError, match='text_line must be printable ASCII'):
        copy_with_samples(source, tmp_path / 'b.sgy', [], text_line='Salz für alle')


def put(path: Path, at: int, patch: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at - 1 : at - 1 + len(patch)] = patch
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-9])
    return path


FALSE_HEADS = {
    'text headers': (dict(format=3, stated_extended=2), lambda path: path, {}, 'extended textual headers'),
    'unstated text': (dict(num_extended=1, stated_extended=0), lambda path: path, {}, 'extended textual headers'),
    'samples': (dict(stated_samples=17), lambda path: path, {}, 'samples a trace (bytes 3221-3222): 17'),
    'format': (dict(), lambda path: put(path, 3225, bytes(2)), dict(format=5), 'sample format (bytes 3225-3226): 0'),
    'trailers': (dict(format=3, revision=2, binary={3531: 9}), lambda path: path, {}, 'trailing blocks'),
    'first trace': (dict(revision=2), lambda path: put(path, 3521, bytes(7) + b'x'), {}, 'first trace'),
    'cut': (dict(), cut, dict(allow_truncated=True), '279 bytes behind the last whole trace are left out'),
}


@pytest.mark.parametrize('case', FALSE_HEADS)
def test_a_copy_of_a_file_with_a_false_head_opens_by_itself(tmp_path: Path, case: str):
    options, damage, reading, said = FALSE_HEADS[case]
    path = damage(grid_file(make_cube(integers=True), **options).write(tmp_path / 'a.sgy'))
    source = open_volume(path, **reading)
    values = np.where(source.present[..., None], make_cube(), 0)
    changes = copy_with_samples(source, tmp_path / 'b.sgy', blocks_of(source, values))
    copy = open_volume(tmp_path / 'b.sgy')
    assert_array_equal(copy.slab('iline', 0, 4), values)
    assert not any('header gives' in note for note in copy.notes)
    assert any(said in change for change in changes)


def test_a_false_count_that_fits_once_samples_are_four_bytes(tmp_path: Path):
    cube = make_cube((3, 4, 740), integers=True)  # a trace of 3200 bytes in the copy
    source = open_volume(grid_file(cube, format=3, stated_extended=2).write(tmp_path / 'a.sgy'))
    copy_with_samples(source, tmp_path / 'b.sgy', blocks_of(source, cube))
    assert_array_equal(open_volume(tmp_path / 'b.sgy').slab('iline', 0, 3), cube)


def test_a_copy_that_would_not_open_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = open_volume(grid_file(make_cube(), stated_samples=17).write(tmp_path / 'a.sgy'))
    monkeypatch.setattr('mmattn.seismic.segy.copying._SAME', ('path',))
    with pytest.raises(SegyError, match='would not open with the same 20 traces of 12 samples'):
        copy_with_samples(source, tmp_path / 'b.sgy', [])
    assert [path.name for path in tmp_path.iterdir()] == ['a.sgy']


def test_options_of_the_trace_headers_are_said_to_hold_for_the_copy(tmp_path: Path):
    rows, columns = np.indices((4, 5))
    headers = {'201:float32': 12.5 * columns, '205:float32': 25 * rows}
    path = grid_file(make_cube(), bytes=('9:int16', '21:ibm'), headers=headers).write(tmp_path / 'a.sgy')
    options = dict(
        iline='9:int16', xline='21:ibm', cdp_x='201:float32', cdp_y='205:float32', sample_interval=2.0, start_time=50.0,
        coordinate_scalar=-10, coordinate_unit='ft',
    )  # fmt: skip
    source = open_volume(path, **options, format=5, endian='big')
    (said,) = [one for one in copy_with_samples(source, tmp_path / 'b.sgy', []) if 'opens with options' in one]
    assert said == 'the copy, like its source, opens with options: ' + ', '.join(
        f'{name}={value!r}' for name, value in options.items()
    )
    copy = open_volume(tmp_path / 'b.sgy', **options)
    assert_array_equal(copy.trace_index, source.trace_index)
    assert (copy.bin_size(), copy.samples[0], copy.sample_interval) == (source.bin_size(), 50.0, 2.0)


def damaged_before_reading(monkeypatch: pytest.MonkeyPatch, at: int, patch: bytes) -> None:
    """The disk changes bytes of the copy before it is read again."""
    whole = copying._to_disk

    def to_disk(file) -> None:
        file.seek(at, 0 if at >= 0 else 2)
        file.write(patch)
        whole(file)

    monkeypatch.setattr(copying, '_to_disk', to_disk)


TRACE = 240 + 4 * 12


@pytest.mark.parametrize(
    ('at', 'patch', 'message'),
    [
        (3600 + 7 * TRACE + 240 + 20, b'\x55', r'b\.sgy: trace 7 \(the first is 0\) read back otherwise'),
        (3600 + 11 * TRACE + 3, b'\x77', 'trace 11'),
        (3600 + 19 * TRACE + TRACE - 1, b'\x01', 'trace 19'),
        (5, b'\x01', 'what stands before or behind the traces read'),
        (-1, b'x', 'what stands before or behind'),
        (3600 + 20 * TRACE + 3200, b'more', 'not open with the same|what stands before or behind'),
    ],
)
def test_a_copy_that_reads_back_otherwise_is_not_kept(tmp_path: Path, monkeypatch, at: int, patch: bytes, message: str):
    file = grid_file(make_cube(), revision=2, binary={3531: 1}, trailer=b'T' * 3200)
    source = open_volume(file.write(tmp_path / 'a.sgy'))
    (tmp_path / 'b.sgy').write_text('before')
    damaged_before_reading(monkeypatch, at, patch)
    with pytest.raises(SegyError, match=message):
        copy_with_samples(source, tmp_path / 'b.sgy', blocks_of(source, make_cube()))
    assert (tmp_path / 'b.sgy').read_text() == 'before'
    assert len(list(tmp_path.iterdir())) == 2


def test_exchanged_traces_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    write_run = copying._Writer._write_run

    def exchanged(self, start: int, samples: np.ndarray, expected: np.ndarray) -> None:
        write_run(self, start, samples[::-1].copy(), expected)

    monkeypatch.setattr(copying._Writer, '_write_run', exchanged)
    with pytest.raises(SegyError, match=r'trace 0 .* read back otherwise than written'):
        copy_with_samples(source, tmp_path / 'b.sgy', blocks_of(source, make_cube()))
    assert not (tmp_path / 'b.sgy').exists()


def test_every_float_reads_back(tmp_path: Path):
    source = open_volume(grid_file(make_cube()).write(tmp_path / 'a.sgy'))
    values = np.random.default_rng(0).integers(0, 1 << 32, (20, 12), np.uint32).view(np.float32)
    values = np.where(np.isfinite(values), values, -0.0).astype(np.float32)
    copy_with_samples(source, tmp_path / 'b.sgy', [(source.trace_index.ravel(), values)])
    assert open_volume(tmp_path / 'b.sgy').slab('iline', 0, 4).tobytes() == values.tobytes()
