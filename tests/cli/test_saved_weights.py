"""Checkpoints given by users."""

import pytest
import torch

from mmattn.cli.saved_weights import check_fit, read_checkpoint
from mmattn.common.errors import InputError


class Evil:
    def __reduce__(self):
        return (eval, ('print("ran")',))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'junk', 'is damaged, or is none'),
        (Evil(), 'cannot be read'),
        ([torch.ones(1)], 'holds a list, not a dict of weights'),
    ],
)
def test_a_wrong_checkpoint_is_one_line(tmp_path, capsys, content, message: str):
    path = tmp_path / 'a.pth'
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=message) as error:
        read_checkpoint(str(path))
    assert '\n' not in str(error.value)
    assert capsys.readouterr().out == ''


def test_weights_that_are_no_numbers_are_blamed(tmp_path):
    torch.save(dict(state_dict=dict(a=torch.ones(2), b=torch.tensor([1.0, float('nan')]))), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r"a\.pth' holds numbers that are not finite in 1 of 2 tensors, b for one"):
        read_checkpoint(str(tmp_path / 'a.pth'))


def test_a_missing_checkpoint_is_named():
    with pytest.raises(InputError, match=r"checkpoint 'gone.pth' is not a file"):
        read_checkpoint('gone.pth')


def test_a_good_checkpoint_and_a_url_pass(tmp_path):
    torch.save(dict(state_dict=dict(a=torch.ones(2))), tmp_path / 'a.pth')
    assert read_checkpoint(str(tmp_path / 'a.pth'))['a'].tolist() == [1, 1]
    assert read_checkpoint('https://example.org/a.pth') is None


def test_a_checkpoint_of_another_model_is_an_error():
    model = torch.nn.Linear(3, 2)
    check_fit(model, {f'module.{key}': value for key, value in model.state_dict().items()}, 'a.pth')
    check_fit(model, None, 'https://example.org/a.pth')
    with pytest.raises(InputError, match='of 2 tensors 1 are missing and 1 have another shape, bias for one'):
        check_fit(model, dict(weight=torch.ones(5, 5)), 'a.pth')
