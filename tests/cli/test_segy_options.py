import argparse
import inspect

import pytest

from mmattn.cli.segy_options import READERS, add_segy_options, segy_options
from mmattn.seismic.opening import OPEN_DEFAULTS
from mmattn.seismic.segy.gathers import read_gathers

DEFAULTS = dict(
    volume=dict(OPEN_DEFAULTS),
    gathers=dict(inspect.getfullargspec(read_gathers).kwonlydefaults or {}),
    velocity={name: value for name, value in (OPEN_DEFAULTS | dict(sample_unit='m')).items() if name != 'geometry'},
)


@pytest.mark.parametrize(('prefix', 'taken'), [('', False), ('model-', True)])
@pytest.mark.parametrize('reader', READERS)
def test_each_option_of_a_reader_with_its_default(reader: str, prefix: str, taken: bool):
    parser = argparse.ArgumentParser()
    add_segy_options(parser.add_argument_group(), reader, prefix=prefix, taken=taken)
    assert segy_options(parser.parse_args([]), reader, prefix=prefix, taken=taken) == DEFAULTS[reader]
    words = [f'--{prefix}{"sample-format" if taken else "format"}', '5', f'--{prefix}null-value', '-999.25', '1e30']
    found = segy_options(parser.parse_args(words), reader, prefix=prefix, taken=taken)
    assert found == DEFAULTS[reader] | dict(format=5, null_value=[-999.25, 1e30])
