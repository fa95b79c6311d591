"""A volume ten times larger than the memory that prediction is allowed."""

import json
import sys

import pytest

from tests.tools.run_tools import run

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_is_bounded_by_the_setting(tmp_path):
    allowed = 4
    result = run(sys.executable, 'tests/inference/measure_memory.py', tmp_path, allowed, 165, PYTHONPATH='.')
    measured = json.loads(result.stdout.splitlines()[-1])[0]
    assert measured['volume'] >= 10 * allowed
    assert measured['grown'] <= 2 * allowed  # besides what is counted: batches of windows, buffers of the reader
