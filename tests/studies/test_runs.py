"""Training the cells, with a script in place of tools/train.py."""

import json
import os
from pathlib import Path

import pytest

from mmattn.costs.complexity import Complexity
from mmattn.studies import Cell, Result, read_result, run_cell
from mmattn.studies.runs import last_metrics, progress

TRAINS = """
import json, sys, time
from pathlib import Path
work = Path(sys.argv[sys.argv.index('--work-dir') + 1])
(work / 'run' / 'vis_data').mkdir(parents=True, exist_ok=True)
(work / 'last_checkpoint').write_text('epoch_1.pth')
print('Epoch(train) [1][ 5/10]  lr: 1', flush=True)
{middle}
lines = [dict(loss=2.0, iter=1, step=1), dict(salt_iou=0.4, old=1.0, step=1), dict(salt_iou=0.5, step=2)]
(work / 'run' / 'vis_data' / 'scalars.json').write_text('\\n'.join(map(json.dumps, lines)))
print(*sys.argv[1:])
"""


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    cell = Cell('CBAM', 1, tmp_path / 'CBAM-seed1')
    cell.folder.mkdir()
    return cell


def train(cell: Cell, middle: str = '', **options) -> Result:
    script = cell.folder / 'train.py'
    script.write_text(TRAINS.format(middle=middle))
    with (cell.folder / 'lock').open('w') as lock:
        return run_cell(
            cell,
            script,
            ['a.b=1'],
            watch=options.get('watch', lambda share: None),
            max_epochs=2,
            lock=lock.fileno(),
            cost=Complexity(10, 20),
            poll=0.05,
        )


def test_a_finished_cell_has_the_metrics_of_its_last_validation(cell: Cell):
    result = train(cell)
    assert (result.status, result.metrics, result.error) == ('finished', dict(salt_iou=0.5), '')
    assert (result.parameters, result.multiply_adds) == (10, 20)
    assert 0 < result.seconds < 10
    assert read_result(cell) == result
    assert '--cfg-options a.b=1' in (cell.folder / 'log.txt').read_text()
    assert '--resume' not in (cell.folder / 'log.txt').read_text()


def test_a_failing_cell_keeps_the_end_of_its_log_and_is_taken_up_again(cell: Cell):
    failed = train(cell, "raise RuntimeError('no luck')")
    assert failed.status == 'failed'
    assert failed.error.endswith('RuntimeError: no luck')
    assert len(failed.error.splitlines()) <= 5
    again = train(cell)
    assert (again.status, again.error) == ('finished', '')
    assert again.seconds > failed.seconds
    assert '--resume' in (cell.folder / 'log.txt').read_text()


def test_a_killed_process_and_one_without_validation_are_failures(cell: Cell):
    killed = train(cell, 'import os; os.kill(os.getpid(), 9)')
    assert killed.error.splitlines()[-1] == 'killed by signal 9'
    assert train(cell, 'sys.exit()').error == 'the training ended well but has no validation in its log'


def test_an_interrupted_cell_ends_its_process_and_stays_unfinished(cell: Cell):
    shares = []

    def interrupt(share: float) -> None:
        shares.append(share)
        if share:
            raise KeyboardInterrupt

    pid = cell.folder / 'pid'
    middle = f"import os; Path({str(pid)!r}).write_text(str(os.getpid())); print('Epoch(train) [2][ 1/10]', flush=True)"
    with pytest.raises(KeyboardInterrupt):
        train(cell, f'{middle}; time.sleep(60)', watch=interrupt)
    assert shares[-1] in (0.25, 0.55)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    stored = json.loads((cell.folder / 'result.json').read_text())
    assert stored['status'] == 'unfinished'
    assert stored['seconds'] > 0


def test_progress_counts_epochs_or_iterations():
    assert progress('', 10) == 0
    assert progress('Epoch(train)  [1][ 5/10] x\nEpoch(train) [3][ 5/10]', 10) == pytest.approx(0.25)
    assert progress('Iter(train) [  300/20000]  eta', None) == pytest.approx(0.015)
    assert progress('Epoch(val) [1][ 5/10]', 10) == 0


def test_no_log_no_metrics(tmp_path: Path):
    assert last_metrics(tmp_path) == {}


def test_peak_memory_is_the_gpus_where_it_is_logged_else_that_of_the_process(cell: Cell):
    assert train(cell, 'block = bytearray(64 << 20); time.sleep(0.3)').peak_memory > 64
    earlier = cell.work_dir / 'earlier' / 'vis_data'
    earlier.mkdir(parents=True)
    (earlier / 'scalars.json').write_text(json.dumps(dict(loss=1.0, memory=7, iter=1, step=1)))
    assert train(cell).peak_memory == 7
