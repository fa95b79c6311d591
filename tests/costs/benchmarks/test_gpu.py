"""The benchmark of a GPU: its order, its time, what it keeps; a rehearsal on the CPU runs all of its code."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from mmattn.attention import build_attention
from mmattn.costs.benchmarks import gpu, gpu_layers
from mmattn.costs.benchmarks.gpu import Ceilings, GpuRow, Setting, judged, run_parts
from mmattn.costs.benchmarks.gpu_programs import covered
from mmattn.costs.benchmarks.pairs import sdpa_position
from tests.gpu.lane import REHEARSE
from tests.tools.run_here import run_here

CPU = torch.device('cpu')


class Clock:
    """Goes on by the seconds that cases say they take."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def cases_of(clock: Clock, part: str, count: int, seconds: float) -> Callable[[], Iterator[gpu.Case]]:
    def measure(label: GpuRow) -> Iterator[GpuRow]:
        clock.now += seconds
        yield label

    return lambda: ((label, lambda label=label: measure(label)) for label in [GpuRow(part, 'x')] * count)


def test_parts_keep_to_their_shares_and_leave_the_rest_to_the_next():
    clock = Clock()
    parts = [
        (0.5, cases_of(clock, 'quick', 3, 1.0)),
        (0.5, cases_of(clock, 'slow', 9, 10.0)),
        (1.0, cases_of(clock, 'last', 9, 20.0)),
    ]
    rows = list(run_parts(parts, 100, clock=clock))
    done = [row.part for row in rows if not row.note]
    assert done == ['quick'] * 3 + ['slow'] * 5 + ['last'] * 3
    assert len(rows) == 21
    assert {row.note for row in rows} == {'', 'left out: no time'}


def test_what_fails_is_a_row_and_the_others_go_on():
    def fail() -> Iterator[GpuRow]:
        yield GpuRow('a', 'half')
        raise RuntimeError('no memory\nmore of it')

    rows = list(
        run_parts([(1.0, lambda: [(GpuRow('a', 'x'), fail), (GpuRow('b', 'y'), lambda: iter([GpuRow('b', 'y')]))])], 9)
    )
    assert [(row.part, row.what, row.note) for row in rows] == [
        ('a', 'half', ''),
        ('a', 'x', 'fails: no memory'),
        ('b', 'y', ''),
    ]


def test_goals():
    row = GpuRow('a', 'x')
    assert [(judged(row, value, most=1).met, judged(row, value, least=5).met) for value in (1.0, 5.0)] == [
        ('yes', 'no'),
        ('no', 'yes'),
    ]
    assert judged(row, 1.0, most=1).goal == '<= 1'


def test_the_least_time_is_what_the_ceilings_allow():
    """Of one 1x1 convolution of 8 channels to 8 on 4 x 4 positions: 1,024 multiply-adds, 328 numbers."""
    layer, maps = torch.nn.Conv2d(8, 8, 1), [torch.zeros(1, 8, 4, 4)]

    def least(work: str, **rates) -> float:
        setting = Setting(CPU, True, Ceilings(**rates))
        return gpu_layers.least_seconds(setting, layer, maps, torch.float32, work)

    products, copies = dict(operations_a_second={torch.float32: 2.0}), dict(bytes_a_second=4.0)
    assert (least('forward', **products), least('step', **products)) == (1024, 3072)
    assert (least('forward', **copies), least('step', **copies)) == (128 + 128 + 72, 5 * 128 + 3 * 72)
    assert least('forward') == 0


def test_layers_are_measured_beside_peers(monkeypatch):
    monkeypatch.setattr(
        gpu_layers, '_layers', lambda: {'position': ([], position, dict(sdpa=sdpa_position, none=fails))}
    )
    rows = list(run_parts([(1.0, lambda: gpu_layers.cases(Setting(CPU, True, Ceilings())))], 60))
    assert [(row.precision, row.layout, row.peer, row.work) for row in rows[:6]] == [
        ('bfloat16', layout, peer, work)
        for layout, peer in (('NHWC', 'sdpa'), ('NHWC', 'none'), ('NCHW', 'sdpa'))
        for work in ('forward', 'step')
    ]
    assert all(float(row.ours) > 0 and bool(row.ratio) == (row.peer == 'sdpa') for row in rows)
    assert all(row.note == 'the peer fails: no kernel' for row in rows if row.peer == 'none')


def position(channels: int, height: int, width: int) -> torch.nn.Module:
    return build_attention('PositionAttention', channels)


def fails(channels: int, height: int, width: int) -> torch.nn.Module:
    raise RuntimeError('no kernel')


def test_the_peer_computes_position_attention():
    peer, ours, x = sdpa_position(16, 5, 6), build_attention('PositionAttention', 16), torch.randn(2, 16, 5, 6)
    ours.load_state_dict(
        {
            name.replace('query.', 'query_conv.').replace('key.', 'key_conv.').replace('value.', 'value_conv.'): value
            for name, value in peer.state_dict().items()
        }
    )
    for layer in (peer, ours):
        torch.nn.init.ones_(layer.gamma)
    torch.testing.assert_close(peer(x), ours(x))


@pytest.mark.parametrize(
    ('ranges', 'share'), [([], 0), ([(0, 4), (2, 5), (8, 10)], 0.7), ([(3, 4), (0, 9)], 1), ([(1, 1)], 0)]
)
def test_busy_share(ranges: list, share: float):
    assert covered(ranges) == pytest.approx(share)


def test_without_a_gpu_it_says_how_to_rehearse(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'gpu', '--out', tmp_path / 'out')
    assert outcome.returncode == 2
    assert outcome.stderr.strip() == 'error: no GPU here; --rehearse runs the benchmark on the CPU at small sizes'
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'gpu', '--rehearse', '--minutes', 0, '--out', tmp_path / 'out')
    assert outcome.stderr.strip() == 'error: --minutes must be positive, got 0'


@pytest.mark.skipif(not REHEARSE, reason='takes long; MMATTN_REHEARSE=1 runs it')
def test_a_rehearsal(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.delenv('SALT_DATA', raising=False)
    outcome = run_here(monkeypatch, capsys, 'speed.py', 'gpu', '--rehearse', '--out', tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    rows = list(csv.DictReader((tmp_path / 'gpu.csv').open()))
    assert [row['part'] for row in rows if row['part'] != 'layers'] == ['device'] * 4 + ['training'] * 4 + [
        'volume'
    ] * 2
    failed = [row for row in rows if 'fails' in row['note']]
    assert all('FlexAttention' in row['peer'] for row in failed), failed  # has no backward pass on a CPU
    assert (tmp_path / 'gpu.md').read_text().startswith('| part | what |')
