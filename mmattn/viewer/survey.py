"""The volumes that a page shows: amplitudes, and on the same grid a probability and a label."""

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmattn.common.checks import check_positive
from mmattn.seismic.opening import is_array, open_volume
from mmattn.seismic.segy.remembered import remembered_words
from mmattn.seismic.volumes.fill_values import find_fill_values
from mmattn.seismic.volumes.grids import check_grid
from mmattn.seismic.volumes.labels import IGNORED
from mmattn.seismic.volumes.volume import Volume
from mmattn.seismic.volumes.zarr_arrays import is_address
from mmattn.viewer.label_file import LabelFile, make_label
from mmattn.viewer.tiles import MADE_UP, make_up, open_tiles

_OF_ONE_FILE = 'format', 'num_text_headers', 'allow_truncated', 'null_value'
_LOOKED_AT = 200
_PERCENTILE = 99.5


@dataclass(frozen=True)
class Survey:
    """What a page shows; a context manager.

    Args:
        volume: of amplitudes.
        clip: amplitude drawn in the last colour, above 0.
        probability: of salt, 0 to 1; None if there is none.
        label: 0 background, 1 salt, 255 unknown; None if there is none.
        compare: a second probability; None if there is none.
        painted: the file of the label, to paint on; None where it is only shown.
        why_not: why it is only shown, in words.

    Raises:
        ValueError: if the clip is not positive, another volume is on another grid, or its values are not those above.
    """

    volume: Volume
    clip: float
    probability: Volume | None = None
    label: Volume | None = None
    compare: Volume | None = None
    painted: LabelFile | None = None
    why_not: str = ''

    @cached_property
    def is_sparse(self) -> bool:
        """Whether the label is mostly unknown where it is looked at, as one that is painted by hand."""
        return self.label is not None and bool((_spread_traces(self.label) == IGNORED).mean() > 0.5)

    def __post_init__(self) -> None:
        check_positive('viewer', 'clip', self.clip)
        others = dict(probability=self.probability, label=self.label, compare=self.compare)
        for option, other in others.items():
            if other is not None:
                check_grid(option, other, self.volume)
                _check_values(option, other)

    def __enter__(self) -> 'Survey':
        return self

    def __exit__(self, *exception: object) -> None:
        for one in (self.volume, self.probability, self.label, self.compare, self.painted):
            if one is not None:
                one.close()


def open_survey(
    path: str | os.PathLike,
    *,
    probability: str | os.PathLike | None = None,
    label: str | os.PathLike | None = None,
    compare: str | os.PathLike | None = None,
    clip: float | None = None,
    **options: object,
) -> Survey:
    """Opens what a page shows, each file as :func:`mmattn.seismic.open_volume` does; trace headers are remembered.

    Args:
        path: of the amplitudes; a folder of tiles, see :func:`mmattn.viewer.tiles.open_tiles`; or 'synthetic:SEED', a
            survey of the built-in geology.
        probability, compare: paths of these volumes.
        label: path of that volume; a .npy or .zarr that is not there yet is made, all unknown, to paint on.
        clip: see :class:`Survey`; None takes that of :func:`usual_clip`.
        options: of ``open_volume``. A SEG-Y probability and label share those that are no matter of
            a single file: all but format, num_text_headers, allow_truncated and null_value.

    Raises:
        FileNotFoundError, SegyError, ValueError: as ``open_volume`` and :class:`Survey` do.
    """
    with remembered_words():
        return _open(path, dict(probability=probability, label=label, compare=compare), clip, options)


def _open(
    path: str | os.PathLike,
    paths: dict[str, str | os.PathLike | None],
    clip: float | None,
    options: dict[str, object],
) -> Survey:
    label = paths['label']
    is_folder = os.path.isdir(path) and not is_array(path)
    own = None
    if is_folder or (MADE_UP.fullmatch(str(path)) and not os.path.exists(path)):
        if options:
            raise ValueError(f'{", ".join(options)}: options of SEG-Y files, but {path} is none')
        volume, own = open_tiles(path) if is_folder else make_up(str(path))
    else:
        volume = open_volume(path, **options)
    if label is not None and not is_address(label) and not os.path.exists(label):
        make_label(label, volume)
    shared = {name: value for name, value in options.items() if name not in _OF_ONE_FILE}
    others = dict(label=own) | {
        name: open_volume(other, **({} if is_array(other) else shared))
        for name, other in paths.items()
        if other is not None
    }
    painted, why_not = None, ''
    if label is not None:
        try:
            painted = LabelFile(label)
        except ValueError as error:
            why_not = str(error)
    return Survey(volume, usual_clip(volume) if clip is None else clip, **others, painted=painted, why_not=why_not)


def usual_clip(volume: Volume) -> float:
    """The 99.5th percentile of |amplitude| over 200 traces spread over a volume, without zeros and fill values.

    Unlike :func:`mmattn.seismic.estimate_clip` it reads no more where these are dead: the clip is then 1.
    """
    traces = _spread_traces(volume)
    nothing = [0, *(one.value for one in find_fill_values(traces))]
    amplitudes = np.abs(traces[~np.isin(traces, nothing)])
    return float(np.percentile(amplitudes, _PERCENTILE)) if amplitudes.size else 1.0


def _spread_traces(volume: Volume) -> np.ndarray:
    """Float32 (200 or fewer, num_samples), of usable traces evenly spread in the order of the lines."""
    places = np.flatnonzero(volume.usable)
    chosen = places[np.unique(np.linspace(0, len(places) - 1, _LOOKED_AT).astype(np.int64))] if len(places) else places
    return volume.traces(*np.unravel_index(chosen, volume.usable.shape))


def _check_values(option: str, other: Volume) -> None:
    values = _spread_traces(other)
    wrong = ~np.isin(values, (0, 1, IGNORED)) if option == 'label' else (values < 0) | (values > 1)
    if wrong.any():
        allowed = '0 (background), 1 (salt) and 255 (unknown) alone' if option == 'label' else 'from 0 to 1'
        raise ValueError(
            f'{option} {other.path or other.name!r} must hold values {allowed}, got {values[wrong][0]:.6g} among '
            f'{values.min():.6g} to {values.max():.6g}'
        )
