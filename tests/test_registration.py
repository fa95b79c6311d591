"""The check of the installed distributions."""

import pytest

from mmattn.registration import check_distributions

MAINTAINED = {'onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'}
ORIGINAL = {'mmengine', 'mmcv', 'mmsegmentation'}


def check(installed: set[str], importable: bool = True) -> None:
    check_distributions(installed.__contains__, lambda name: importable)


@pytest.mark.parametrize('installed', [MAINTAINED, ORIGINAL])
def test_either_family_alone_passes(installed: set[str]):
    check(installed)


def test_both_families_are_an_error_that_says_what_to_do():
    with pytest.raises(ImportError) as error:
        check(MAINTAINED | {'mmcv-lite', 'mmengine'})
    message = str(error.value)
    assert 'onedl-mmengine, mmengine, onedl-mmcv, mmcv-lite' in message
    assert 'pip uninstall -y onedl-mmengine mmengine onedl-mmcv mmcv-lite' in message
    assert 'pip install onedl-mmengine onedl-mmcv onedl-mmsegmentation' in message


def test_none_is_an_error_that_says_what_to_do():
    with pytest.raises(ImportError, match='mmengine, mmcv, mmseg not found') as error:
        check(set(), importable=False)
    assert "pip install 'mmattn[onedl]'" in str(error.value)


def test_a_part_of_the_original_family_is_completed_by_the_rest_of_it():
    with pytest.raises(ImportError, match=r"mmseg not found\. [^\n]*\n  pip install 'mmattn\[openmmlab\]'"):
        check_distributions({'mmengine', 'mmcv'}.__contains__, lambda name: name != 'mmseg')


def test_what_is_installed_here_passes():
    check_distributions()
