"""Options that a class takes, and the error where it is given another."""

import pytest

from mmattn.common.options import accepted_options, with_checked_options


class Base:
    def __init__(self, size: int, *, depth: int = 1) -> None:
        self.size, self.depth = size, depth


@with_checked_options
class Head(Base):
    def __init__(self, *, recurrence: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.recurrence = recurrence


class Own(Head):
    def __init__(self, *, more: int = 0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.more = more


class Plain(Head):
    pass


class Open:
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)


def test_options_of_the_bases_count():
    assert accepted_options(Head) == ['recurrence', 'size', 'depth']
    assert accepted_options(Own) == ['more', 'recurrence', 'size', 'depth']
    assert accepted_options(Open) == []


def test_the_class_that_was_written_is_named():
    message = r"has no option 'recurence' \(got 3\); did you mean 'recurrence'\?; there are recurrence, size, depth"
    for cls in (Head, Plain):
        with pytest.raises(TypeError, match=f'{cls.__name__} {message}'):
            cls(size=1, recurence=3)
    assert Head(size=1, recurrence=3).recurrence == 3
    assert Plain(size=1, depth=2).depth == 2


def test_a_subclass_with_options_of_its_own_still_works():
    assert Own(size=1, more=4).more == 4


def test_it_is_done_once():
    before = Head.__init__
    assert with_checked_options(Head).__init__ is before
