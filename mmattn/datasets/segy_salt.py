"""Sections of seismic volumes with salt labels as an MMSegmentation dataset."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from mmattn.common.checks import check_flag, check_whole
from mmattn.datasets.sections import SaltSections
from mmattn.datasets.segy_sections import LoadSegySection, SectionAddress, shared_volume
from mmattn.seismic import Volume, estimate_clip
from mmattn.seismic.opening import ARRAY_OPTIONS, OPEN_DEFAULTS, OWN_OPTIONS, is_array
from mmattn.seismic.overview import Overview, odd_clip, survey_overview
from mmattn.seismic.volumes.amplitude import refuse_fill_values, refuse_hidden_fill_values
from mmattn.seismic.volumes.labels import IGNORED, LabelValues, check_label, check_same_grid
from mmattn.seismic.volumes.line_blocks import TRAIN, VAL, line_runs, split_lines, window_starts

SPLITS = ('train', 'val', 'all')
_DIRECTIONS = ('iline', 'xline')
_OPEN_OPTIONS = tuple(OPEN_DEFAULTS)
_LABEL_OPTIONS = ('salt_value', 'ignore_value')
_OWN_OPTIONS = ('amplitude', 'label', 'name', 'direction', 'lines', 'clip', 'label_options', *_LABEL_OPTIONS, 'yes')


@dataclass(frozen=True)
class _Source:
    """A volume of the dataset, opened and checked."""

    name: str
    amplitude: str
    options: tuple
    label: str | None
    label_options: tuple
    directions: tuple[str, ...]
    axis: str
    lines: tuple[int, int]
    clip: float
    label_values: LabelValues
    said: tuple[str, ...]

    def volume(self) -> Volume:
        return shared_volume(self.amplitude, self.options)


@DATASETS.register_module()
class SegySaltDataset(SaltSections):
    """Sections, or windows of sections, from amplitude volumes with label volumes.

    Volumes are SEG-Y files or arrays, see :func:`mmattn.seismic.open_volume`. A volume is split into blocks of lines:
    training and validation share no line of the axis along which it is split, and ``guard`` lines lie between them.
    Sections of the other direction are cut at the blocks, so they share no trace either. Samples are addresses
    that :class:`LoadSegySection` reads; a worker opens a volume when it first needs it.

    The amplitude at which each volume is clipped is estimated once and is in ``metainfo['amplitude_clip']``, a dict of
    clips by the volumes' names; mmengine saves it in checkpoints as ``meta['dataset_meta']['amplitude_clip']``, and
    MMSegmentation's ``init_model`` gives it as ``model.dataset_meta['amplitude_clip']``.

    Args:
        volumes: one dict a volume: ``amplitude`` (path), ``label`` (path of salt labels on the same grid, with the same
            interval and start; 1 where salt is and 0 elsewhere, or probabilities; may be missing for
            ``split='all'``), ``salt_value`` and ``ignore_value`` (what other labels mean, see
            :class:`mmattn.seismic.volumes.labels.LabelValues`), ``direction`` ('iline', the default, 'xline', or
            a list of both), ``lines`` (first and last line number to use, along the axis of the split; all by
            default), ``clip`` (a number in place of the estimate), ``name`` (the file's name without its ending by
            default), ``yes`` (True takes a survey that looks wrong), and options of ``open_volume`` that hold for both
            files where they are SEG-Y; ``label_options`` (a dict) overrides them for the label. ``null_value`` and
            what mends a file (its format, interval, start, text headers) are of the amplitudes alone.
        split: 'train', 'val' or 'all'.
        val_fraction, num_blocks, guard: of the split, see :func:`mmattn.seismic.volumes.line_blocks.split_lines`.
        split_along: axis of the split, 'iline' or 'xline'. None is the direction where there is one, 'iline' where
            there are two; of a 2-D line always its traces.
        window: (samples, traces) of a window; None takes whole sections.
        stride: (samples, traces) from window to window; None is the window.
        line_stride: takes every so many lines.
        skip_unlabelled: leaves out windows whose label is nothing but ignored, which are read for it once.
        clip_percentile: of |amplitude|, see :func:`mmattn.seismic.estimate_clip`.
        metainfo, options: as in :class:`mmattn.datasets.sections.SaltSections`: ``pipeline``, ``test_mode`` and others.

    Raises:
        FileNotFoundError: if a volume does not exist.
        TypeError: for an option of the wrong kind.
        ValueError: for an option that is not allowed, and volumes whose grids differ; a SEG-Y file that cannot be used
            is a :class:`mmattn.seismic.SegyError`, which is one.
    """

    def __init__(
        self,
        volumes: Sequence[dict],
        *,
        split: str = 'all',
        val_fraction: float = 0.2,
        num_blocks: int = 1,
        guard: int = 4,
        split_along: str | None = None,
        window: tuple[int, int] | None = None,
        stride: tuple[int, int] | None = None,
        line_stride: int = 1,
        skip_unlabelled: bool = False,
        clip_percentile: float = 99.5,
        metainfo: dict | None = None,
        **options: object,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be 'train', 'val' or 'all', got {split!r}")
        if split_along not in (None, *_DIRECTIONS):
            raise ValueError(f"split_along must be None, 'iline' or 'xline', got {split_along!r}")
        if stride is not None and window is None:
            raise ValueError(f'stride={stride!r} needs a window')
        self.split, self.val_fraction, self.num_blocks, self.guard = split, val_fraction, num_blocks, guard
        self.window, self.stride = _pair('window', window), _pair('stride', stride if stride is not None else window)
        self.line_stride = check_whole('line_stride', line_stride, least=1)
        self.skip_unlabelled = check_flag('SegySaltDataset', 'skip_unlabelled', skip_unlabelled)
        if not isinstance(volumes, Sequence) or isinstance(volumes, str) or not volumes:
            raise ValueError(f'volumes must be a list of dicts with at least one, got {volumes!r}')
        self._sources = [
            _check_volume(number, volume, split, split_along, clip_percentile) for number, volume in enumerate(volumes)
        ]
        clips = {source.name: source.clip for source in self._sources}
        if len(clips) < len(self._sources):
            raise ValueError(f'volumes must have different names, got {[source.name for source in self._sources]}')
        super().__init__(metainfo=dict(metainfo or {}) | dict(amplitude_clip=clips), **options)

    def load_data_list(self) -> list[dict]:
        """Lists the addresses of the split's windows; called by the base class."""
        samples = []
        for source in self._sources:
            count = len(samples)
            found = (self._sample(source, address) for address in self._addresses(source))
            samples += [one for one in found if not self.skip_unlabelled or _is_labelled(one)]
            print_log(
                f'SegySaltDataset: {len(samples) - count} sections of {source.name} {source.volume().shape} for '
                f'{self.split!r}, clipped at amplitude {source.clip:.6g}\n' + '\n'.join(source.said),
                logger='current',
            )
        return samples

    def _addresses(self, source: _Source) -> Iterator[SectionAddress]:
        """The windows of a volume that have a trace, line by line."""
        volume, axis = source.volume(), _DIRECTIONS.index(source.axis)
        num_samples = volume.shape[2]
        for direction in source.directions:
            usable = volume.usable if direction == 'iline' else volume.usable.T
            for start, stop in self._blocks(source):
                along = direction == source.axis
                lines = range(start, stop) if along else range(volume.shape[1 - axis])
                first, last = (0, usable.shape[1]) if along else (start, stop)
                height, width = self.window or (num_samples, last - first)
                down, across = self.stride or (height, width)
                tops = window_starts(num_samples, height, down)
                lefts = [first + left for left in window_starts(last - first, width, across)]
                for line in lines[:: self.line_stride]:
                    for left in lefts:
                        right = min(left + width, last)
                        if not usable[line, left:right].any():
                            continue
                        for top in tops:
                            rows = top, min(top + height, num_samples)
                            options = dict(source.options)
                            yield SectionAddress(
                                source.amplitude, direction, line, rows, (left, right), source.clip, options
                            )

    def load_label(self, results: dict) -> dict:
        """Returns a sample with its ``gt_seg_map``."""
        return LoadSegySection()(results)

    def _blocks(self, source: _Source) -> list[tuple[int, int]]:
        """The split's runs of lines along the axis of the split."""
        first, last = source.lines
        if self.split == 'all':
            return [(first, last)]
        try:
            codes = split_lines(
                last - first, val_fraction=self.val_fraction, num_blocks=self.num_blocks, guard=self.guard
            )
        except ValueError as error:
            raise ValueError(f'volume {source.name}, split along {source.axis}: {error}') from error
        wanted = TRAIN if self.split == 'train' else VAL
        return [(first + start, first + stop) for start, stop in line_runs(codes == wanted)]

    def _sample(self, source: _Source, address: SectionAddress) -> dict:
        volume = source.volume()
        number = (volume.ilines if address.direction == 'iline' else volume.xlines)[address.index]
        name = f'{source.name}_{address.direction}_{number}_{address.samples[0]}_{address.traces[0]}'
        labels = {}
        if source.label is not None:
            label = SectionAddress(
                source.label, address.direction, address.index, address.samples, address.traces, 1.0,
                dict(source.label_options), source.label_values,
            )  # fmt: skip
            labels = dict(seg_map_path=label.format(name))
        return self.sample(address.format(name), name, group=source.name, **labels)


def _is_labelled(sample: dict) -> bool:
    """Whether a sample has a label that is not ignored throughout."""
    address = sample.get('seg_map_path')
    return address is not None and bool((SectionAddress.parse(address).read_mask() != IGNORED).any())


def _check_volume(number: int, given: Mapping, split: str, split_along: str | None, clip_percentile: float) -> _Source:
    """Opens the volume of one entry and checks its options."""
    where = f'volumes[{number}]'
    _check_dict(where, given)
    _check_dict(f'{where}.label_options', given.get('label_options') or {})
    unknown = sorted(given.keys() - {*_OWN_OPTIONS, *_OPEN_OPTIONS})
    if unknown:
        raise ValueError(f'{where}: unknown options {unknown}; known are {[*_OWN_OPTIONS, *_OPEN_OPTIONS]}')
    amplitude, label = given.get('amplitude'), given.get('label')
    if not amplitude:
        raise ValueError(
            f'{where}.amplitude must be the path of a volume, got {amplitude!r} (configs of this repository take it '
            'from the environment: SEGY_AMPLITUDE and SEGY_LABEL)'
        )
    if not label and split != 'all':
        raise ValueError(
            f'{where}.label must be the path of a label volume for split={split!r}, got {label!r} (configs of this '
            'repository take it from the environment: SEGY_LABEL)'
        )
    options = {key: given[key] for key in _OPEN_OPTIONS if key in given}
    amplitude_options = _options_of(amplitude, options)
    volume = shared_volume(str(amplitude), amplitude_options)
    label_options, label_values, said = (), LabelValues(), []
    if label:
        label_options, label_values = _label_of(where, given, options)
        label_volume = shared_volume(str(label), label_options)
        said = _check_pair(where, volume, label_volume, label_values, yes=_yes(where, given))
    direction = given.get('direction', 'iline')
    directions = tuple(direction) if isinstance(direction, list | tuple) else (direction,)
    if not directions or any(one not in _DIRECTIONS for one in directions) or len(set(directions)) < len(directions):
        raise ValueError(f"{where}.direction must be 'iline', 'xline' or a list of both, got {direction!r}")
    axis = split_along or (directions[0] if len(directions) == 1 else 'iline')
    axis = 'xline' if volume.is_2d else axis
    clip = _clip_of(where, given.get('clip'), volume, clip_percentile)
    overview = _overview(volume, clip_percentile)
    doubts = [*overview.doubts, *(odd_clip(volume, clip, 'as given') if given.get('clip') is not None else ())]
    if doubts and not _yes(where, given):
        raise ValueError(f'{where}: {volume.name} looks wrong: {"; ".join(doubts)}; yes=True takes it as it is')
    said = [str(overview), *said]
    lines = _find_lines(where, given.get('lines'), volume.ilines if axis == 'iline' else volume.xlines)
    try:
        _refuse_hidden(volume, axis, lines)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    name = given.get('name') or Path(amplitude).stem
    label = str(label) if label else None
    return _Source(
        name, str(amplitude), amplitude_options, label, label_options, directions, axis, lines, float(clip),
        label_values, tuple(said),
    )  # fmt: skip


def _clip_of(where: str, clip: float | None, volume: Volume, percentile: float) -> float:
    """The clip that is given, or an estimate."""
    try:
        refuse_fill_values(volume)
        if clip is None:
            return _estimated_clip(volume, percentile)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    if isinstance(clip, bool) or not isinstance(clip, int | float) or not (np.isfinite(clip) and clip > 0):
        raise ValueError(f'{where}.clip must be None or a positive number, got {clip!r}')
    return float(clip)


def _label_of(where: str, given: Mapping, options: dict) -> tuple[tuple, LabelValues]:
    """The options with which a label is opened, and what its values mean."""
    own = dict(given.get('label_options') or {})
    unknown = sorted(own.keys() - {*_OPEN_OPTIONS, *_LABEL_OPTIONS})
    if unknown:
        known = [*_LABEL_OPTIONS, *_OPEN_OPTIONS]
        raise ValueError(f'{where}.label_options: unknown options {unknown}; known are {known}')
    if 'null_value' in own:
        raise ValueError(f'{where}.label_options: null_value is of amplitudes; ignore_value says what is no label')
    values = {key: own.pop(key, given.get(key)) for key in _LABEL_OPTIONS}
    options = {key: value for key, value in options.items() if key not in OWN_OPTIONS}
    try:
        return _options_of(given['label'], options | own), LabelValues(**values)
    except (TypeError, ValueError) as error:
        raise type(error)(f'{where}: {error}') from error


def _yes(where: str, given: Mapping) -> bool:
    yes = given.get('yes', False)
    if not isinstance(yes, bool):
        raise TypeError(f'{where}.yes must be True or False, got {yes!r}')
    return yes


def _check_dict(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f'{name} must be a dict, got {value!r}')


def _options_of(path: str, options: dict) -> tuple:
    """The options of ``open_volume`` for a file, those at their default left out; none for arrays."""
    if is_array(path):
        options = {key: value for key, value in options.items() if key in ARRAY_OPTIONS}
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return tuple(sorted((key, value) for key, value in given.items() if value != OPEN_DEFAULTS[key]))


@lru_cache(maxsize=64)
def _estimated_clip(volume: Volume, percentile: float) -> float:
    """Estimated once for the datasets of training and validation, which share the volume."""
    return estimate_clip(volume, percentile=percentile)


@lru_cache(maxsize=64)
def _refuse_hidden(volume: Volume, axis: str, lines: tuple[int, int]) -> None:
    """Reads the lines in search of fill values once for the datasets of training and validation."""
    refuse_hidden_fill_values(volume, axis, lines)


@lru_cache(maxsize=64)
def _overview(volume: Volume, percentile: float) -> Overview:
    return survey_overview(volume, percentile=percentile)


@lru_cache(maxsize=64)
def _checked_label(values: LabelValues, amplitude: Volume, label: Volume) -> dict[str, float]:
    """Checked once for the datasets of training and validation."""
    return check_label(values, amplitude, label)


def _check_pair(where: str, amplitude: Volume, label: Volume, values: LabelValues, *, yes: bool) -> list[str]:
    """Raises if a label does not belong to its amplitudes; else says what it is."""
    try:
        if label.path and Path(label.path).resolve() == Path(amplitude.path).resolve():
            raise ValueError(f'label and amplitude are the same file, {label.path}')
        check_same_grid(amplitude, label)
        found = _checked_label(values, amplitude, label)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    if 0 < found['thickness'] <= 2 and label.shape[2] >= 16 and found['traces'] >= 10 and not yes:
        raise ValueError(
            f'{where}: salt of {label.name} is at most {found["thickness"]} samples thick in every trace: a horizon? '
            'yes=True takes it as it is'
        )
    said = [f'  label         {label.name}: {found["salt"]:.2%} salt, {found["ignored"]:.2%} ignored']
    if found['between']:
        said.append(f'                {found["between"]:.2%} of its samples lie between 0 and 1: salt is above 0.5')
    if not found['salt']:
        said.append(f'                no salt in {found["traces"]} traces looked at')
    if label.is_numbered and 'sample' == label.sample_unit != amplitude.sample_unit:
        said.append('                its interval is not known: taken to be that of the amplitudes')
    if not label.is_numbered and amplitude.is_numbered:
        said.append('                it has no line numbers or times: taken to be in the order of the amplitudes')
    return said


def _find_lines(where: str, lines: Sequence[int] | None, numbers: np.ndarray) -> tuple[int, int]:
    """Positions (start, stop) of the lines from a first to a last number, both included."""
    if lines is None:
        return 0, len(numbers)
    if not isinstance(lines, list | tuple) or len(lines) != 2 or any(isinstance(line, str) for line in lines):
        raise ValueError(f'{where}.lines must be None or the first and last line number, got {lines!r}')
    start, stop = int(np.searchsorted(numbers, lines[0])), int(np.searchsorted(numbers, lines[1], side='right'))
    if start >= stop:
        raise ValueError(f'{where}.lines={list(lines)} holds no line; there are {numbers[0]} to {numbers[-1]}')
    return start, stop


def _pair(name: str, value: Sequence[int] | None) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f'{name} must be None or (samples, traces), got {value!r}')
    return check_whole(name, value[0], least=1), check_whole(name, value[1], least=1)
