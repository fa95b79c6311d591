"""The progress of long work."""

from mmattn.cli import progress
from mmattn.cli.progress import Display


def test_without_a_terminal_there_is_a_line_at_the_end_of_a_stage_and_now_and_then(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    with Display() as display:
        for done in range(1, 5):
            now[0] += 20
            display('copying', done, 4)
        display('checking', 1, 1)
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.splitlines() == [
        'copying: 3 of 4, about 20 s left',
        'copying: 4 of 4, about 0 s left',
        'checking: 1 of 1, about 0 s left',
    ]


def test_what_an_earlier_run_had_done_does_not_count(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    with Display() as display:
        for done in range(100, 105):
            display('refinements', done, 110)
            now[0] += 10
    assert capsys.readouterr().err.splitlines() == ['refinements: 104 of 110, about 60 s left']


def test_other_processes_say_nothing(capsys):
    with Display(active=False) as display:
        display('copying', 1, 1)
    assert capsys.readouterr().err == ''
