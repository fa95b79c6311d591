"""Scales gathers with their survey's statistics, amplifies late samples and pads short records."""

import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from mmseg.registry import MODELS
from torch import Tensor

from mmattn.common.checks import check_choice, check_not_negative, check_positive

_COMPRESS = ('asinh', 'log1p', None)


@MODELS.register_module()
class ShotDataPreProcessor(BaseDataPreprocessor):
    """Normalisation of gathers by survey.

    ``scale`` and ``velocity_range`` belong to the survey that a model was trained on. They are saved in its checkpoints
    and come back with them, whatever the config that is loaded says; a difference is logged. A label is never scaled by
    its own values.

    Records of one batch may differ in length: shorter ones get zeros at the end of time. Targets are left as they are.

    Args:
        scale: amplitudes are divided by it: the survey's median absolute amplitude late in the records, for one.
        velocity_range: m/s that the network's 0 and 1 stand for.
        power: samples are multiplied by ``(t / t_last) ** power``.
        compress: 'asinh', 'log1p' (``sign(x) log(1 + |x|)``) or None.
        direct: amplitude of the survey's direct wave (``near_peak``), with its sign, that ``tools/invert.py`` compares
            with; 0 where it is not known.
        non_blocking: copy to the device asynchronously.
    """

    def __init__(
        self,
        *,
        scale: float = 1.0,
        velocity_range: tuple[float, float] = (1500.0, 4500.0),
        power: float = 1.5,
        compress: str | None = 'asinh',
        direct: float = 0.0,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        name = 'ShotDataPreProcessor'
        check_positive(name, 'scale', scale)
        low, high = velocity_range
        if not 0 < low < high:
            raise ValueError(f'{name}: velocity_range must be two speeds, the lower first, got {velocity_range!r}')
        self.power = check_not_negative(name, 'power', power)
        self.compress = check_choice(name, 'compress', compress, _COMPRESS)
        self.register_buffer('scale', torch.tensor(float(scale)))
        self.register_buffer('velocity_range', torch.tensor([float(low), float(high)]))
        self._bounds: tuple[float, ...] | None = None  # the same as numbers, once read back from a device
        self.register_buffer('direct', torch.tensor(float(direct)))

    def forward(self, data: dict, training: bool = False) -> dict:
        """Casts to the device, scales, amplifies and pads.

        Args:
            data: ``inputs``: list of (S, T, R) tensors or one (N, S, T, R); ``data_samples``: their samples, or None.
            training: of no effect.

        Returns:
            ``inputs`` (N, S, T', R) and ``data_samples``, whose meta information has the ``velocity_range``.

        Raises:
            ValueError: if gathers of a batch differ in shots or receivers.
        """
        data = self.cast_data(data)
        inputs, samples = data['inputs'], data.get('data_samples')
        shapes = {(len(gathers), gathers.shape[2]) for gathers in inputs}
        if len(shapes) > 1:
            raise ValueError(f'ShotDataPreProcessor: gathers of one batch differ in (shots, receivers): {shapes}')
        inputs = [self._scaled(gathers.float()) for gathers in inputs]
        longest = max(gathers.shape[1] for gathers in inputs)
        inputs = [torch.nn.functional.pad(x, (0, 0, 0, longest - x.shape[1])) for x in inputs]
        if self._bounds is None:
            self._bounds = tuple(self.velocity_range.tolist())
        for sample in samples or ():
            sample.set_metainfo(dict(velocity_range=self._bounds))
        return dict(inputs=torch.stack(inputs), data_samples=samples)

    def _scaled(self, gathers: Tensor) -> Tensor:
        time = torch.linspace(0, 1, gathers.shape[1], device=gathers.device)[:, None]
        gathers = gathers / self.scale * time**self.power
        if self.compress == 'asinh':
            return gathers.asinh()
        return gathers.sign() * gathers.abs().log1p() if self.compress == 'log1p' else gathers

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        """Loads the statistics saved with the weights, and says so where they differ from the config's."""
        for name in ('scale', 'velocity_range', 'direct'):
            own, loaded = getattr(self, name), state_dict.get(prefix + name)
            if loaded is not None and own.shape == loaded.shape and not torch.allclose(own.cpu(), loaded.float().cpu()):
                print_log(
                    f"{name} {own.flatten().tolist()} of the config gives way to the checkpoint's "
                    f'{loaded.flatten().tolist()}: the survey that the weights were trained on.',
                    logger='current',
                )
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._bounds = None
