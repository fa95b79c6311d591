"""What our encoders share: stages that do not train, normalisation that keeps its statistics, pretrained weights."""

from collections.abc import Iterable, Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmattn.models.weights.loading import LoadsPretrained


class Backbone(LoadsPretrained):
    """Base of encoders; a subclass builds ``stages``, or overrides ``frozen_modules``, and calls ``freeze`` last.

    Args:
        num_stages: how many stages there are.
        out_indices: stages whose maps are returned, from 0.
        frozen_stages: stages up to this one, from 0, are not trained; -1 for none.
        norm_eval: whether batch normalisation keeps its statistics in training.
        init_cfg: MMEngine's. ``dict(type='Pretrained', checkpoint=…, prefix=None, source=None)`` is ours: it reads a
            file of published names with ``source``, and says what did not match (``pretrained.py``).

    Raises:
        ValueError: for stages that there are not, and for an unknown ``source``.
    """

    def __init__(
        self,
        *,
        num_stages: int,
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_eval: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        name, last = type(self).__name__, num_stages - 1
        if not isinstance(out_indices, Sequence) or not out_indices:
            raise ValueError(f'{name}: out_indices must be a sequence of numbers from 0 to {last}, got {out_indices!r}')
        if not set(out_indices) <= set(range(num_stages)):
            raise ValueError(f'{name}: out_indices must be among 0 to {last}, got {tuple(out_indices)}')
        if frozen_stages not in range(-1, num_stages):
            raise ValueError(f'{name}: frozen_stages must be among -1 to {last}, got {frozen_stages!r}')
        self.out_indices, self.frozen_stages, self.norm_eval = tuple(out_indices), frozen_stages, norm_eval
        self.split_init_cfg()

    def frozen_modules(self) -> Iterable[nn.Module]:
        """Returns what ``frozen_stages`` keeps from training."""
        return self.stages[: self.frozen_stages + 1]

    def freeze(self) -> None:
        """Puts the frozen modules into evaluation mode and takes their parameters out of training."""
        for module in self.frozen_modules():
            module.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> 'Backbone':
        """Sets the mode, but for frozen modules and, with ``norm_eval``, batch normalisations."""
        super().train(mode)
        self.freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
