"""A training that ends on time."""

from types import SimpleNamespace

import pytest
from numpy.testing import assert_allclose

from mmattn.engine.hooks import TimeBudgetHook


def test_learning_rate_and_end():
    now = [100.0]
    told = []
    hook = TimeBudgetHook(1, warmup=0.5, progress=lambda *what: told.append(what), clock=lambda: now[0])
    groups = [dict(lr=2.0), dict(lr=4.0)]
    loop = SimpleNamespace(stop_training=False)
    runner = SimpleNamespace(optim_wrapper=SimpleNamespace(param_groups=groups), train_loop=loop)
    hook.before_train(runner)
    rates = []
    for passed in (0, 15, 30, 45, 60):
        now[0] = 100.0 + passed
        hook.before_train_iter(runner, 0)
        rates.append([group['lr'] for group in groups])
        assert not loop.stop_training
        hook.after_train_iter(runner, 0, outputs=dict(loss=passed / 10))
    assert loop.stop_training
    half = 0.5 * (1 + 0.5**0.5)
    assert_allclose([rate[0] for rate in rates], [0.2, half, 1.0, 2 * (1 - half), 0], atol=1e-12)
    assert_allclose([rate[1] for rate in rates], [2 * rate[0] for rate in rates])
    assert told[-1] == ('train', 60, 60)
    assert hook.losses == [0, 1.5, 3, 4.5, 6]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(minutes=0), 'TimeBudgetHook: minutes must be above 0, got 0'),
        (dict(minutes=1, warmup=1), 'TimeBudgetHook: warmup must be at least 0 and below 1, got 1'),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        TimeBudgetHook(**options)
