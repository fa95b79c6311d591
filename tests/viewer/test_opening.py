"""Opening in a thread, and the page until it is done."""

import threading
from pathlib import Path

import numpy as np
import pytest

from mmattn.seismic import open_volume
from mmattn.viewer.glance import glance
from mmattn.viewer.opening import Opening
from tests.seismic.segy_files import grid_file, make_cube


@pytest.fixture(params=[True, False], ids=['regular', 'with a hole'])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    missing = np.zeros((4, 5), bool)
    missing[2, 3] = not request.param
    return grid_file(make_cube((4, 5, 12)), missing=missing).write(tmp_path / 'a.sgy')


def test_headers_are_counted(path: Path):
    opening = Opening(lambda: open_volume(path))
    with opening.result() as volume:
        assert opening.progress == (volume.num_traces, volume.num_traces)
        assert (opening.is_done, opening.error) == (True, None)
        volume.section('time', 3)
    assert opening.progress == (volume.num_traces, volume.num_traces)


def test_errors_come_to_who_asks():
    opening = Opening(lambda: open_volume('none.sgy'))
    with pytest.raises(FileNotFoundError, match='does not exist'):
        opening.result()
    assert isinstance(opening.error, FileNotFoundError)


def test_a_page_until_it_is_done(path: Path):
    pn = pytest.importorskip('panel')
    from mmattn.viewer.waiting import WaitingPage

    def work() -> str:
        goes_on.wait(20)
        if fails:
            raise ValueError('no survey')
        return 'survey'

    for fails in (False, True):
        goes_on = threading.Event()
        opening = Opening(work)
        page = WaitingPage(opening, glance(path), lambda opened: pn.pane.Str(opened))
        shown = page.layout()
        opening.progress = 3, 20
        page.look()
        assert page.message.object.startswith('reading trace headers: 3 of 20.')
        assert page.figure.title.text.startswith('a.sgy: traces ')
        assert page.sources['amplitude'].data['image'][0].shape[0] == 12
        goes_on.set()
        opening.wait(20)
        page.look()
        if fails:
            assert page.wrong.object == 'cannot be opened: no survey'
        else:
            assert [one.object for one in shown] == ['survey']
