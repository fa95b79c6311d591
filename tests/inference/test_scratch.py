"""The folder of an unfinished prediction: what a kill at a bad moment leaves never becomes an output."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mmattn.inference import Outputs, VolumeOptions, predict_volume
from mmattn.inference import scratch as module
from mmattn.inference.scratch import Scratch
from mmattn.seismic import ArrayVolume
from tests.inference.models import GreyModel
from tests.seismic.segy_files import make_cube

SMALL = VolumeOptions(window=(16, 16), overlap=0.25, batch_size=3, clip=2.0, memory=0.012)
PLAN = dict(input='a', shape=(1, 2, 3))


class StoppedError(Exception):
    """Stands for a kill."""


def stop_after(calls: int):
    def progress(stage: str, done: int, total: int) -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise StoppedError(stage)

    return progress


@pytest.fixture
def case(tmp_path: Path):
    """A volume, how it is predicted and what comes out where nothing goes wrong."""
    volume = ArrayVolume(make_cube((9, 14, 33)))

    def predict(**options):
        return predict_volume(GreyModel(), volume, tmp_path / 'p.npy', options=SMALL, **options)

    predict()
    expected = np.load(tmp_path / 'p.npy')
    (tmp_path / 'p.npy').unlink()
    return predict, tmp_path, expected


def stopped(predict, calls: int, **options) -> None:
    with pytest.raises(StoppedError):
        predict(progress=stop_after(calls), **options)


@pytest.mark.parametrize('damage', ['gone', 'cut'])
def test_an_array_that_is_gone_or_cut_is_predicted_again(case, damage: str):
    predict, folder, expected = case
    stopped(predict, 7)  # in the last direction, when all of the first is done
    array = folder / 'p.npy.partial' / 'iline-0.float32'
    if damage == 'gone':
        array.unlink()
    else:
        os.truncate(array, array.stat().st_size // 2)
    stopped(predict, 0, resume=True)  # killed again: the array is whole now, and full of zeros
    result = predict(resume=True)
    assert 0 < result.resumed_blocks < result.num_blocks
    assert np.array_equal(np.load(folder / 'p.npy'), expected)


def test_a_finished_output_is_not_replaced_by_what_a_half_deleted_folder_gives(case):
    """As the folder looked when deletion began with the arrays."""
    predict, folder, expected = case
    stopped(predict, 9)  # when the output is about to be written
    scratch = Scratch(folder / 'p.npy.partial')
    scratch.claim(folder / 'p.npy')
    np.save(folder / 'p.npy', expected)
    for array in (folder / 'p.npy.partial').glob('*.float32'):
        array.unlink()
    predict(resume=True)
    assert np.array_equal(np.load(folder / 'p.npy'), expected)


@pytest.mark.parametrize('left', [('plan.json', 'lock'), ('iline-0.float32', 'journal-0.txt', 'plan.json', 'lock')])
def test_killed_in_the_clean_up_it_is_complete(case, monkeypatch, left: tuple[str, ...]):
    predict, folder, _ = case

    def killed(self, done: Path) -> None:
        for path in done.iterdir():
            if path.name not in left:
                path.unlink()
        self.release()
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(Scratch, '_delete', killed)
        with pytest.raises(StoppedError):
            predict()
    assert not (folder / 'p.npy.partial').exists()
    before = (folder / 'p.npy').stat().st_mtime_ns
    assert predict(resume=True).already_complete
    assert (folder / 'p.npy').stat().st_mtime_ns == before
    assert [path.name for path in folder.iterdir()] == ['p.npy']
    with pytest.raises(FileExistsError, match=r'p\.npy exists'):
        predict(resume=True)


def test_nobody_gets_in_while_the_folder_is_deleted(case, monkeypatch):
    predict, folder, expected = case
    refused = []
    real = Scratch._delete

    def delete(self, done: Path) -> None:
        with pytest.raises(FileExistsError, match='another process is predicting into') as caught:
            predict(resume=True)
        refused.append(str(caught.value))
        real(self, done)

    monkeypatch.setattr(Scratch, '_delete', delete)
    predict()
    assert len(refused) == 1
    assert np.array_equal(np.load(folder / 'p.npy'), expected)
    assert [path.name for path in folder.iterdir()] == ['p.npy']


def test_halves_of_outputs_are_removed(case):
    predict, folder, expected = case
    stopped(predict, 10)
    left = folder / '.p.npy.abc.part'
    left.mkdir()
    (left / 'p.npy').write_bytes(b'half')
    of_plan = folder / 'p.npy.partial/.plan.json.abc.part'
    of_plan.mkdir()
    (of_plan / 'plan.json').write_bytes(b'{')
    other = folder / '.other.npy.abc.part'
    other.mkdir()
    predict(resume=True)
    assert not left.exists()
    assert other.exists()
    assert not of_plan.parent.exists()
    assert np.array_equal(np.load(folder / 'p.npy'), expected)


@pytest.mark.parametrize('content', ['', '{', '[1]', '\x00\x00'])
def test_a_damaged_plan_is_named(tmp_path: Path, content: str):
    scratch = Scratch(tmp_path / 'a.partial')
    scratch.begin(PLAN, resume=False)
    scratch.release()
    (tmp_path / 'a.partial' / 'plan.json').write_text(content)
    with pytest.raises(ValueError, match=r'plan of the unfinished prediction, .*a\.partial/plan\.json, cannot be read'):
        scratch.begin(PLAN, resume=True)


def test_a_damaged_journal_counts_as_far_as_it_can_be_read(tmp_path: Path):
    scratch = Scratch(tmp_path / 'a.partial')
    scratch.begin(PLAN, resume=False)
    journal = tmp_path / 'a.partial' / 'journal-1.txt'
    journal.write_bytes(b'iline 0 4\niline x 8\n\xff\xfe 1 2\nxline 4 -1\nxline 3 5\nxline 5 7')
    assert scratch.finished() == {('iline', 0, 4), ('xline', 3, 5)}
    scratch.keep_only({('xline', 3, 5)})
    assert scratch.finished() == {('xline', 3, 5)}
    assert not journal.exists()


def test_the_plan_survives_json(tmp_path: Path):
    scratch = Scratch(tmp_path / 'a.partial')
    scratch.begin(PLAN, resume=False)
    scratch.release()
    assert json.loads((tmp_path / 'a.partial' / module._PLAN).read_text())['shape'] == [1, 2, 3]
    scratch.begin(PLAN, resume=True)
    scratch.release()
    with pytest.raises(ValueError, match=r'input was a, is b'):
        scratch.begin(PLAN | dict(input='b'), resume=True)


def test_outputs_of_another_prediction_are_kept(case):
    predict, folder, _ = case
    stopped(predict, 1)
    np.save(folder / 'p.npy', np.zeros(3))
    with pytest.raises(FileExistsError, match=r'p\.npy exists'):
        predict(resume=True)
    assert Outputs(folder / 'p.npy').existing()
    assert np.load(folder / 'p.npy').shape == (3,)
