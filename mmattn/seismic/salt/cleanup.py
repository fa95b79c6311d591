"""Clean-up of salt masks in three dimensions, slab by slab: small and unsure bodies, enclosed cavities.

A body is a set of salt voxels connected by their faces; a cavity is such a set of other voxels that does not reach the
outside of the volume (of a line: of its section). Slabs of adjacent lines are labelled one by one (SciPy) and joined
across their seams, so a volume of any size can be cleaned: besides the slab, its labels (4 bytes a voxel) and about a
hundred bytes for each body of each slab are held. The result is that of labelling the whole volume at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from scipy import ndimage, sparse

from mmattn.common.checks import check_number, check_whole

ReadSlab: TypeAlias = Callable[[int, int], np.ndarray]
"""(start, stop) to the mask of these lines, (stop - start, num_xlines, num_samples), salt where not 0."""
ReadProbability: TypeAlias = Callable[[int, int], np.ndarray]
"""(start, stop) to the probability of salt of these lines, of the same shape."""


@dataclass(frozen=True)
class Bodies:
    """The connected bodies of a volume.

    Args:
        voxels: (N,) int64 size of each body.
        first: (N, 3) int64 least inline, crossline and sample position of each.
        last: (N, 3) int64 largest position of each.
        inside: (N,) bool, whether the body stays clear of the volume's outside.
        step: lines of a slab.
        slab_labels: for each slab, the body (from 0) of each of its labels; label 0, the rest, is -1.
        peak: (N,) float64 largest probability in each body, where probabilities were given.
    """

    voxels: np.ndarray
    first: np.ndarray
    last: np.ndarray
    inside: np.ndarray
    step: int
    slab_labels: tuple[np.ndarray, ...]
    peak: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.voxels)


def find_bodies(
    read: ReadSlab,
    shape: tuple[int, int, int],
    *,
    step: int = 16,
    holes: bool = False,
    probability: ReadProbability | None = None,
) -> Bodies:
    """Finds the bodies of a volume.

    Args:
        read: gives the mask.
        shape: (num_ilines, num_xlines, num_samples) of the volume.
        step: lines that are read at a time.
        holes: find the bodies of what is not salt.
        probability: gives the probability of salt; its largest value is noted of each body.

    Raises:
        ValueError: if ``step`` is below 1.
    """
    if step < 1:
        raise ValueError(f'step must be at least 1 line, got {step}')
    counts, sizes, boxes, seams, peaks = [0], [], [], [], []
    above: np.ndarray | None = None
    for start, labels, count in _label_slabs(read, shape, step, holes):
        sizes.append(np.bincount(labels.ravel(), minlength=count + 1)[1:])
        boxes.append(_boxes(labels, count, start))
        if probability is not None:
            values = probability(start, start + len(labels))
            peaks.append(ndimage.maximum(values, labels, np.arange(1, count + 1)) if count else [])
        if above is not None:
            both = (above > 0) & (labels[0] > 0)
            pairs = np.unique(np.stack([above[both], labels[0][both]], axis=1), axis=0).astype(np.int64)
            seams.append(pairs + np.array([counts[-2], counts[-1]]) - 1)
        above = labels[-1].copy()
        counts.append(counts[-1] + count)
    total = counts[-1]
    joined = np.concatenate(seams) if seams else np.empty((0, 2), np.int64)
    graph = sparse.coo_matrix((np.ones(len(joined), bool), (joined[:, 0], joined[:, 1])), shape=(total, total))
    number, body = sparse.csgraph.connected_components(graph, directed=False) if total else (0, np.empty(0, np.int64))
    body = body.astype(np.int64)
    bodies = _join(number, body, np.concatenate(sizes), np.concatenate(boxes), counts, shape, step)
    if probability is None:
        return bodies
    peak = np.zeros(number)
    np.maximum.at(peak, body, np.concatenate(peaks))
    return replace(bodies, peak=peak)


def select_bodies(
    read: ReadSlab, shape: tuple[int, int, int], bodies: Bodies, keep: np.ndarray, *, holes: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """Iterates over the slabs of a volume with some of its bodies.

    Args:
        read: gives the mask, the same as when the bodies were found.
        shape: of the volume.
        bodies: as found.
        keep: (N,) bool, which of them.
        holes: as when the bodies were found.

    Returns:
        Iterator over (first line, (num_lines, num_xlines, num_samples) bool).
    """
    for (start, labels, _), body in zip(_label_slabs(read, shape, bodies.step, holes), bodies.slab_labels):
        yield start, np.append(keep, False)[body][labels]


def label_bodies(read: ReadSlab, shape: tuple[int, int, int], bodies: Bodies) -> Iterator[tuple[int, np.ndarray]]:
    """Iterates over the slabs of a volume with the number of the body that each voxel belongs to.

    Args:
        read: gives the mask, the same as when the bodies were found.
        shape: of the volume.
        bodies: as found.

    Returns:
        Iterator over (first line, (num_lines, num_xlines, num_samples) int64, -1 where there is no salt).
    """
    for (start, labels, _), body in zip(_label_slabs(read, shape, bodies.step, False), bodies.slab_labels):
        yield start, body[labels]


def clean_mask(
    read: ReadSlab,
    write: Callable[[int, np.ndarray], object],
    shape: tuple[int, int, int],
    *,
    min_body: int = 0,
    fill_holes: bool = False,
    hysteresis: float | None = None,
    probability: ReadProbability | None = None,
    step: int = 16,
) -> dict[str, int]:
    """Fills cavities, then removes small and unsure bodies; changes the mask in place, slab by slab.

    Args:
        read: gives the mask.
        write: takes (first line, uint8 mask of 0 and 1) where something changed; ``read`` must give it afterwards.
        shape: of the volume.
        min_body: bodies of fewer voxels are removed; 0 keeps all.
        fill_holes: whether cavities become salt.
        hysteresis: bodies whose probability is nowhere above this are removed; None keeps all.
        probability: gives the probability of salt, for ``hysteresis``.
        step: lines that are held at a time.

    Returns:
        ``filled``: voxels that became salt; ``removed``: voxels that no longer are; ``removed_bodies``.

    Raises:
        ValueError: if ``min_body`` is negative, ``step`` below 1, or ``hysteresis`` comes without ``probability``.
    """
    if min_body < 0:
        raise ValueError(f'min_body must be 0 or a number of voxels, got {min_body}')
    if hysteresis is not None and probability is None:
        raise ValueError(f'hysteresis={hysteresis} needs the probability')
    done = dict(filled=0, removed=0, removed_bodies=0)
    if fill_holes:
        cavities = find_bodies(read, shape, step=step, holes=True)
        done['filled'] = int(cavities.voxels[cavities.inside].sum())
        for start, chosen in select_bodies(read, shape, cavities, cavities.inside, holes=True):
            if chosen.any():
                write(start, (chosen | (read(start, start + len(chosen)) != 0)).astype(np.uint8))
    if min_body > 1 or hysteresis is not None:
        bodies = find_bodies(read, shape, step=step, probability=None if hysteresis is None else probability)
        keep = bodies.voxels >= min_body
        if hysteresis is not None:
            keep &= bodies.peak > hysteresis
        done['removed'], done['removed_bodies'] = int(bodies.voxels[~keep].sum()), int(np.count_nonzero(~keep))
        if not keep.all():
            for start, chosen in select_bodies(read, shape, bodies, keep):
                write(start, chosen.astype(np.uint8))
    return done


def _label_slabs(
    read: ReadSlab, shape: tuple[int, int, int], step: int, holes: bool
) -> Iterator[tuple[int, np.ndarray, int]]:
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        salt = read(start, stop) != 0
        if salt.shape != (stop - start, *shape[1:]):
            raise ValueError(f'lines {start} to {stop} of a volume {tuple(shape)} cannot be {salt.shape}')
        labels, count = ndimage.label(~salt if holes else salt)
        yield start, labels, count


def _boxes(labels: np.ndarray, count: int, start: int) -> np.ndarray:
    """(count, 2, 3) first and last positions of each label."""
    boxes = np.empty((count, 2, 3), np.int64)
    for number, found in enumerate(ndimage.find_objects(labels, max_label=count)):
        boxes[number] = [[span.start for span in found], [span.stop - 1 for span in found]]
    boxes[:, :, 0] += start
    return boxes


def _join(
    number: int,
    body: np.ndarray,
    sizes: np.ndarray,
    boxes: np.ndarray,
    counts: list[int],
    shape: tuple[int, int, int],
    step: int,
) -> Bodies:
    """The bodies from the labels of all slabs, given the body of each label."""
    voxels = np.zeros(number, np.int64)
    np.add.at(voxels, body, sizes)
    first, last = np.full((number, 3), np.iinfo(np.int64).max), np.full((number, 3), -1, np.int64)
    np.minimum.at(first, body, boxes[:, 0])
    np.maximum.at(last, body, boxes[:, 1])
    ends = np.asarray(shape) - 1
    outside = (((first == 0) | (last == ends)) & (ends > 0)).any(axis=1)
    labels = tuple(np.concatenate([[-1], body[low:high]]) for low, high in pairwise(counts))
    return Bodies(voxels, first, last, ~outside, step, labels)


def remove_small_bodies(mask: np.ndarray, size: int) -> np.ndarray:
    """Removes bodies of fewer than ``size`` pixels, connected by edges or corners, from a boolean mask."""
    if size <= 1 or not mask.any():
        return mask
    bodies, _ = ndimage.label(mask, np.ones((3, 3)))
    keep = np.bincount(bodies.ravel()) >= size
    keep[0] = False
    return keep[bodies]


def remove_unsure_bodies(mask: np.ndarray, probability: np.ndarray, hysteresis: float) -> np.ndarray:
    """Removes bodies whose probability is nowhere above ``hysteresis`` from a boolean mask of the same shape (H, W).

    This is thresholding with hysteresis (Canny, PAMI 8(6), 1986): the mask's own threshold is the lower one. Unlike
    scikit-image's, bodies here hang together by corners too, as those that ``remove_small_bodies`` counts.
    """
    if not mask.any():
        return mask
    bodies, count = ndimage.label(mask, np.ones((3, 3)))
    keep = np.append(False, ndimage.maximum(probability, bodies, np.arange(1, count + 1)) > hysteresis)
    return keep[bodies]


def salt_mask(
    probability: np.ndarray, *, threshold: float = 0.5, hysteresis: float | None = None, min_body: int = 0
) -> np.ndarray:
    """Makes the mask of a section.

    Args:
        probability: (H, W) of salt, 0 to 1.
        threshold: above which there is salt.
        hysteresis: bodies whose probability is nowhere above this are left out; None keeps all.
        min_body: bodies of fewer pixels are left out.

    Returns:
        (H, W) bool. Bodies are connected by edges or corners.

    Raises:
        ValueError: if a threshold does not lie between 0 and 1, or ``hysteresis`` not above ``threshold``.
    """
    check_thresholds(threshold, hysteresis)
    mask = remove_small_bodies(probability > threshold, check_whole('min_body', min_body))
    return mask if hysteresis is None else remove_unsure_bodies(mask, probability, hysteresis)


def check_thresholds(threshold: float, hysteresis: float | None) -> None:
    """ValueError if a threshold does not lie between 0 and 1, or the higher one is not above the other."""
    if not 0 < check_number('threshold', threshold, low=0, high=1) < 1:
        raise ValueError(f'threshold must lie between 0 and 1, got {threshold}')
    if hysteresis is not None and not threshold < check_number('hysteresis', hysteresis, low=0, high=1) < 1:
        raise ValueError(f'hysteresis must lie between the threshold, {threshold}, and 1, got {hysteresis}')
