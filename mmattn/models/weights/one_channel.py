"""Starts an encoder of one input channel from weights that were trained on colour images."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmengine.logging import print_log
from mmseg.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from mmattn.models.weights.pretrained import Pretrained


@dataclass(frozen=True)
class _OneChannel(Pretrained):
    first: str = 'conv1.weight'

    def _read(self) -> Mapping[str, Tensor]:
        tensors = dict(super()._read())
        if self.first not in tensors:
            raise KeyError(f'PretrainedOneChannel: first={self.first!r} is not in {self.checkpoint}')
        tensors[self.first] = tensors[self.first].sum(dim=1, keepdim=True)
        return tensors


@WEIGHT_INITIALIZERS.register_module()
class PretrainedOneChannel:
    """``init_cfg`` of any encoder with ``in_channels=1``: adds up the first convolution's weights over its channels.

    The result is that of the colour encoder on a section given three times, as red, green and blue, at a third of the
    first convolution's cost. Says what did not match, and fails where nothing does (``Pretrained``).

    Args:
        checkpoint: a local file or a URL.
        first: name of the first convolution's weight; ``conv1.weight`` as in MMSegmentation's ResNets.
        prefix: only the tensors under this prefix are taken; all by default.
        source: the published family whose names the file has, one of ``mmattn.checkpoints.list_sources()``.
        map_location: device to load to.

    Raises:
        ValueError: for an unknown ``source``, and at loading if no tensor fits.
        FileNotFoundError, KeyError: at loading, if there is no such file, or no tensor ``first``.
    """

    def __init__(
        self,
        checkpoint: str,
        *,
        first: str = 'conv1.weight',
        prefix: str | None = None,
        source: str | None = None,
        map_location: str = 'cpu',
    ) -> None:
        self._weights = _OneChannel(checkpoint, prefix, source, map_location, first)

    def __call__(self, module: nn.Module) -> None:
        """Loads the weights into ``module``."""
        report = self._weights.load_into(module)
        print_log(f'{type(module).__name__}: {report}', logger='current')
