"""SegNeXt's decoder (https://arxiv.org/abs/2209.08575), whose predictions can be repeated."""

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads import LightHamHead
from mmseg.registry import MODELS


@MODELS.register_module()
class FixedHamHead(LightHamHead):
    """MMSegmentation's ``LightHamHead``, whose matrix factorisation starts from one fixed draw.

    The published decoder draws the start, (C, rank), in every forward pass, and two predictions of one section differ.
    MMSegmentation's ``rand_init=False`` draws it once, in the first forward pass: a checkpoint has it, but a model that
    is built anew does not take it from there and draws another. Here it is drawn at construction, the same in every
    model, and is saved and loaded as a buffer. Published weights, which have none, load and use that draw.

    Args:
        ham_channels: C, channels of the factorised map.
        ham_kwargs: options of the factorisation: ``MD_R`` (the rank), ``train_steps``, ``eval_steps``; the map is
            factorised as a whole and ``rand_init`` is fixed, so ``MD_S`` and ``rand_init`` may not be there.
        seed: of the draw.
        **kwargs: of MMSegmentation's ``BaseDecodeHead``.

    Raises:
        ValueError: if ``ham_kwargs`` has ``MD_S`` or ``rand_init``.

    Shape:
        A pyramid to (B, out_channels, H, W), the size of the first of the maps.
    """

    def __init__(self, ham_channels: int = 512, ham_kwargs: dict | None = None, *, seed: int = 0, **kwargs) -> None:
        ham_kwargs = dict(ham_kwargs or {})
        for option in ('MD_S', 'rand_init'):
            if option in ham_kwargs:
                raise ValueError(f'FixedHamHead: ham_kwargs may not have {option}, got {ham_kwargs[option]!r}')
        super().__init__(ham_channels, {**ham_kwargs, 'rand_init': False}, **kwargs)
        ham = self.hamburger.ham
        bases = torch.rand(1, ham_channels, ham.R, generator=torch.Generator().manual_seed(seed))
        ham.register_buffer('bases', F.normalize(bases, dim=1))
