"""MMSegmentation's inference takes no checkpoint of another network; its own loading goes on with random weights."""

import functools
from collections.abc import Callable, Mapping

from mmengine.model import is_model_wrapper
from mmseg.apis import inference, mmseg_inferencer
from torch import nn

from mmattn.checkpoints.fit import misfit

_MARK = '_mmattn_refuses'
_TRAINING_ALONE = ('auxiliary_head.',)  # not used in inference, and left out of some published files


def refuse_other_networks() -> None:
    """Makes ``init_model`` and ``MMSegInferencer`` raise where a checkpoint leaves weights of the network random."""
    for module, name in ((inference, 'load_checkpoint'), (mmseg_inferencer, '_load_checkpoint_to_model')):
        load = getattr(module, name)
        if not hasattr(load, _MARK):
            setattr(module, name, _refusing(load))


def _refusing(load: Callable) -> Callable:
    @functools.wraps(load)
    def load_or_refuse(model: nn.Module, checkpoint: object, *args: object, **options: object) -> object:
        content = load(model, checkpoint, *args, **options)
        check_network(model, content, str(checkpoint) if isinstance(checkpoint, str) else 'the checkpoint')
        return content

    setattr(load_or_refuse, _MARK, True)
    return load_or_refuse


def check_network(model: nn.Module, content: Mapping, name: str) -> None:
    """Raises ValueError unless a checkpoint has all that a network predicts by.

    Args:
        model: the segmentor.
        content: of the checkpoint.
        name: of the checkpoint, for the message.
    """
    while is_model_wrapper(model):
        model = model.module
    weights = content.get('state_dict', content)
    problem = misfit(model.state_dict(), weights, spare=_TRAINING_ALONE)
    if problem:
        raise ValueError(f'{name!r} is not a checkpoint of this network: {problem}')
