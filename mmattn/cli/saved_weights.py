"""Checkpoints as tools read them: refused in one line where they cannot be used."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmseg.apis import init_model
from torch import Tensor, nn

from mmattn.checkpoints.fit import misfit
from mmattn.checkpoints.reading import CheckpointError, read_safely
from mmattn.common.errors import InputError, one_line


def read_checkpoint(path: str) -> dict[str, Tensor] | None:
    """Returns the weights in a checkpoint file, or None for a URL, which is left to mmengine.

    Raises:
        InputError: if there is no such file, it is no checkpoint, its weights are not finite, or reading it would run
            code.
    """
    if '://' in path:
        return None
    content = read_content(path)
    weights = content.get('state_dict', content)
    if not isinstance(weights, dict) or not any(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(f'checkpoint {path!r} holds no weights')
    broken = [name for name, value in weights.items() if _is_broken(value)]
    if broken:
        raise InputError(
            f'checkpoint {path!r} holds numbers that are not finite in {len(broken)} of {len(weights)} tensors, '
            f'{broken[0]} for one: its training failed; take an earlier one'
        )
    return weights


def read_content(path: str) -> dict:
    """Returns all that a checkpoint file holds.

    Raises:
        InputError: if there is no such file, it is no checkpoint, or reading it would run code.
    """
    if not Path(path).is_file():
        raise InputError(f'checkpoint {path!r} is not a file')
    try:
        content = read_safely(path, map_location='cpu')
    except CheckpointError as error:
        raise InputError(one_line(error)) from None
    except Exception as error:
        raise InputError(f'checkpoint {path!r} cannot be read: {type(error).__name__}: {one_line(error)}') from error
    if not isinstance(content, dict):
        raise InputError(f'checkpoint {path!r} holds a {type(content).__name__}, not a dict of weights')
    return content


def _is_broken(value: object) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.layout is not torch.strided:
        return False
    stored = value.untyped_storage().nbytes() // value.element_size()
    if value.numel() > stored:  # one number that stands for many
        value = value.as_strided((stored,), (1,), 0)
    return not bool(value.isfinite().all())


def check_fit(model: nn.Module, weights: dict[str, Tensor] | None, path: str) -> None:
    """Checks that a checkpoint has every tensor of a model, in its shape; mmengine would go on without.

    Args:
        model: the segmentor, maybe wrapped for several processes or for test-time augmentation.
        weights: as ``read_checkpoint`` returns them.
        path: the checkpoint's file, named in the message.

    Raises:
        InputError: if tensors are missing or of another shape; the message names the first of them.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    if weights is None:
        return
    problem = misfit(model.state_dict(), weights)
    if problem:
        raise InputError(f'checkpoint {path!r} is not of this config: {problem}')


def read_model(config: Config, checkpoint: str, device: str) -> nn.Module:
    """Builds an experiment's segmentor with the weights of a checkpoint, ready to predict.

    Args:
        config: the experiment.
        checkpoint: file of a training, which knows the dataset's classes too.
        device: of the model.

    Raises:
        InputError: if the checkpoint cannot be read or is of another model, or the model cannot be built.
    """
    weights = read_checkpoint(checkpoint)
    try:
        model = init_model(config, checkpoint, device=device)
    except Exception as error:
        reason = f'{type(error).__name__}: {one_line(error)}'
        raise InputError(f'the model cannot be built of checkpoint {checkpoint!r}: {reason}') from error
    check_fit(model, weights, checkpoint)
    return model
