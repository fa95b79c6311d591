"""Which classes are taken."""

import pytest

from mmattn.seismic.salt.classes import check_classes


@pytest.mark.parametrize('classes', [None, ('background', 'salt'), ['rock', 'Salt'], ('0', '1')])
def test_salt_is_class_one(classes):
    check_classes('Data', classes)


@pytest.mark.parametrize('classes', [('salt', 'background'), ('salt',), ('background', 'salt', 'water'), ['Salt', 'x']])
def test_other_orders_are_refused(classes):
    with pytest.raises(ValueError, match=r'Data: metainfo classes must be .*label 1 is salt'):
        check_classes('Data', classes)
