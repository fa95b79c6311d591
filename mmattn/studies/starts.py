"""What a short training starts from: a network that comes with mmattn, one of the user's, or random weights."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmseg.apis import init_model
from torch import Tensor, nn

from mmattn.cli.launch import load_config
from mmattn.cli.saved_weights import read_model
from mmattn.common.errors import InputError
from mmattn.inference.loading import load

SHIPPED, RANDOM = 'salt-synthetic', 'random'
"""What a training starts from: the network that comes with mmattn; and random weights of a small one, if asked for."""
_SMALL = 'attention_unet_salt', {'model.backbone.base_channels': 8, 'model.decode_head.in_channels': 8}
_FROM_RANDOM = 3e-3, 10.0  # a head, and above all its bias, would take most of the time to leave zero
_FROM_TRAINED = 2e-4, 1.0, 0.5  # a higher rate, or the training's end alone, forgets what the network knew


class Start(NamedTuple):
    """A network to train on.

    Args:
        segmentor: the network.
        words: what it is.
        learning_rate: that suits it.
        head: factor on the learning rate of its head.
        keep: share of its weights in the mean with those that the training ends with.
    """

    segmentor: nn.Module
    words: str
    learning_rate: float
    head: float = 1.0
    keep: float = 0.0


def choose_start(name: str | None, config: str | None, checkpoint: str | None, options: Mapping | None = None) -> Start:
    """Finds what a training starts from.

    Args:
        name: of a network, as ``mmattn.load`` takes it, or 'random' for random weights of a small attention U-Net; None
            takes the shipped one, where no config is given.
        config, checkpoint: instead of it; a config alone is a network of random weights.
        options: that override the config's.

    Raises:
        InputError: if it cannot be read, or several are given.
    """
    if name is not None and (config or checkpoint):
        raise InputError('--start and --config say the same: give one')
    if checkpoint is not None and config is None:
        raise InputError('--checkpoint needs --config; a folder or work directory is --start')
    if options and config is None:
        raise InputError('--cfg-options override settings of --config: give one')
    if config is not None and checkpoint is not None:
        segmentor = read_model(load_config(config, options), checkpoint, 'cpu')
        return Start(_keep(segmentor), f'{checkpoint} of {config}', *_FROM_TRAINED)
    if config is not None:
        return Start(_random(load_config(config, options)), f'random weights of {config}', *_FROM_RANDOM)
    if name == RANDOM:
        config, settings = _SMALL
        return Start(_random(load_config(config, settings)), f'random weights of a small {config}', *_FROM_RANDOM)
    try:
        return Start(_keep(load(name or SHIPPED).segmentor), name or f'the shipped network {SHIPPED}', *_FROM_TRAINED)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f'--start {name or SHIPPED!r}: {error}') from error


def weights_of(segmentor: nn.Module) -> dict[str, Tensor]:
    """Returns a copy of all weights and statistics."""
    return {name: value.detach().clone() for name, value in segmentor.state_dict().items()}


def mix_in(segmentor: nn.Module, weights: Mapping[str, Tensor], share: float) -> None:
    """Mixes a share of other weights in, in place: the straight line between a network and what became of it.

    Robust fine-tuning of zero-shot models, https://arxiv.org/abs/2109.01903.

    Args:
        segmentor: whose weights become (1 - share) times what they are.
        weights: of :func:`weights_of`.
        share: 0 to 1.
    """
    with torch.no_grad():
        for name, value in segmentor.state_dict().items():
            if value.is_floating_point():
                value.lerp_(weights[name].to(value.device), share)


@contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what mmengine logs of each weight and each volume."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def _keep(segmentor: nn.Module) -> nn.Module:
    """A network that a training does not initialise anew."""
    for module in segmentor.modules():
        if hasattr(module, '_is_init'):
            module._is_init = True
    return segmentor


def _random(config: Config) -> nn.Module:
    """A network of random weights; files that its config starts from are left out."""
    config.model.pretrained = None
    with quietly():
        segmentor = init_model(config, device='cpu')
        for module in segmentor.modules():
            if 'Pretrained' in str(getattr(module, 'init_cfg', None)):
                module.init_cfg = None
        segmentor.init_weights()
    return _keep(segmentor)
