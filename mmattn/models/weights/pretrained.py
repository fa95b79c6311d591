"""Pretrained weights of an encoder, and a report of what did not match.

MMEngine's own initializer goes on with random weights where no name fits, and reads a file that holds more than
weights by running code from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from mmengine import dist
from torch import Tensor, nn

from mmattn.checkpoints import convert_checkpoint, list_sources
from mmattn.checkpoints.arrays import is_archive, read_archive
from mmattn.checkpoints.convert import take_component, unwrap
from mmattn.checkpoints.reading import CheckpointError, fetch, read_safely

SHOWN = 8  # names of a kind that a report spells out


@runtime_checkable
class FitsTensors(Protocol):
    """A module that takes tensors of other shapes, as tables of positions by interpolation, or of other names."""

    def fit_tensors(self, tensors: dict[str, Tensor], prefix: str) -> list[str]:
        """Replaces tensors under ``prefix`` by those that fit this module; returns the names of interpolated ones."""


@dataclass(frozen=True)
class LoadReport:
    """What became of a checkpoint's tensors and of a module's.

    Args:
        checkpoint: where they came from.
        loaded: names that the module took over.
        missing: the module's names that the checkpoint has not; counts of batches are not among them.
        unexpected: names in the checkpoint that the module has not.
        misshapen: names that both have, with the checkpoint's shape and the module's.
        interpolated: those among ``loaded`` that were made to fit, with the checkpoint's shape and the module's.
    """

    checkpoint: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    interpolated: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether the module has no tensor left that the checkpoint did not set."""
        return not self.missing and not self.misshapen

    def __str__(self) -> str:
        """One line on what was loaded, and one for each kind of mismatch."""
        wanted = len(self.loaded) + len(self.missing) + len(self.misshapen)
        kinds = {
            'not in the checkpoint, left as initialised': self.missing,
            'of another shape, left as initialised': _with_shapes(self.misshapen),
            'of another shape, interpolated': _with_shapes(self.interpolated),
            'in the checkpoint, of no use here': self.unexpected,
        }
        lines = [f'{len(self.loaded)} of {wanted} tensors loaded from {self.checkpoint}']
        return '\n'.join(lines + [f'{len(names)} {kind}: {_some(names)}' for kind, names in kinds.items() if names])


def _with_shapes(tensors: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]) -> list[str]:
    return [f'{name} {theirs} for {ours}' for name, (theirs, ours) in tensors.items()]


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more


@dataclass(frozen=True)
class Pretrained:
    """Weights by address, as ``init_cfg=dict(type='Pretrained', …)`` of our encoders gives them.

    Args:
        checkpoint: a local file, or a URL that PyTorch downloads once into its cache. Names that end with ``.npz`` are
            archives of NumPy arrays.
        prefix: only the tensors under this prefix (``backbone``) are taken; all by default. Of a published network that
            ``source`` splits into a backbone and a head, the one of both.
        source: the published family whose names the file has, one of ``mmattn.checkpoints.list_sources()``; by default
            the file has our names.
        map_location: device to load to.
    """

    checkpoint: str
    prefix: str | None = None
    source: str | None = None
    map_location: str = 'cpu'

    def __post_init__(self) -> None:
        """Checks the source."""
        if self.source is not None and self.source not in list_sources():
            allowed = ', '.join(list_sources())
            raise ValueError(f'init_cfg: source must be None or one of {allowed}, got {self.source!r}')

    def load_into(self, module: nn.Module) -> LoadReport:
        """Sets the tensors of ``module`` that the checkpoint has, and reports.

        Modules that take tensors of other names or shapes than their own make them fit (``FitsTensors``).

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if none of the module's tensors is there, or the file holds something beside weights.
            KeyError: if ``source`` does not know a tensor or misses one, or the prefix is not there.
            TypeError: if the file holds no dict of tensors.
        """
        tensors, ours = dict(self._read()), module.state_dict()
        before = {name: tuple(value.shape) for name, value in tensors.items()}
        parts = [(path, part) for path, part in module.named_modules() if isinstance(part, FitsTensors)]
        fitted = [n for path, part in parts for n in part.fit_tensors(tensors, f'{path}.' if path else '')]
        shared = {name: value for name, value in tensors.items() if name in ours}
        fitting = {name: value for name, value in shared.items() if value.shape == ours[name].shape}
        report = LoadReport(
            checkpoint=self.checkpoint,
            loaded=tuple(fitting),
            missing=tuple(name for name in ours if name not in shared and not name.endswith('num_batches_tracked')),
            unexpected=tuple(name for name in tensors if name not in ours),
            misshapen={n: (tuple(v.shape), tuple(ours[n].shape)) for n, v in shared.items() if n not in fitting},
            interpolated={name: (before[name], tuple(ours[name].shape)) for name in fitted},
        )
        if not fitting:
            raise ValueError(
                f'{type(module).__name__}: no tensor of {self.checkpoint} fits; prefix is {self.prefix!r}, source is '
                f'{self.source!r}. {report}'
            )
        module.load_state_dict(fitting, strict=False)
        return report

    def _read(self) -> dict[str, Tensor]:
        content = _read_file(self.checkpoint, self.map_location)
        if self.source is not None:
            return convert_checkpoint(content, self.source, component=self.prefix).tensors
        tensors = unwrap(content)
        return tensors if self.prefix is None else take_component(tensors, self.prefix)


def _read_file(address: str, device: str) -> Mapping:
    """Reads a checkpoint without running code from it; of several processes one downloads."""
    remote = address.startswith(('http://', 'https://'))
    if not remote and not Path(address).expanduser().is_file():
        raise FileNotFoundError(f'init_cfg: checkpoint {address!r} is neither a file nor a URL')
    if is_archive(address):
        return _read_archive(address, remote, device)
    try:
        content = read_safely(_fetched(address) if remote else Path(address).expanduser(), device)
    except CheckpointError as error:
        raise ValueError(f'init_cfg: {error}') from None
    if not isinstance(content, Mapping):
        raise TypeError(f'init_cfg: checkpoint {address!r} holds a {type(content).__name__}, not a dict of weights')
    return content


def _read_archive(address: str, remote: bool, device: str) -> dict[str, Tensor]:
    path = _fetched(address) if remote else Path(address).expanduser()
    try:
        return {name: value.to(device) for name, value in read_archive(path).items()}
    except ValueError as error:
        raise ValueError(f'init_cfg: checkpoint {error}') from error


def _fetched(url: str) -> Path:
    if dist.get_rank() == 0:
        fetch(url)
    dist.barrier()
    return fetch(url)
