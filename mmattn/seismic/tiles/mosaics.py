"""Which tiles were cut from the same larger picture, found by matching their borders.

Candidates are pairs of tiles that are each other's best match on one side. They are joined strongest first into
pictures in which every tile has its cell, so a join must agree with all seams it makes, not only the one it began with.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mmattn.seismic.tiles.borders import Borders, fit_borders

THRESHOLD = 20.0
"""Evidence in nats that a join needs; docs/tgs.md has what it finds and misses."""
FLOOR = 10.0
"""Evidence of its own that a pair needs to be considered at all, other seams helping."""

Progress = Callable[[int, int], None]


class Seam(NamedTuple):
    """Tile ``second`` right of (axis 1) or below (axis 0) tile ``first``, with the evidence for it in nats."""

    score: float
    axis: int
    first: int
    second: int


def find_mosaics(images: np.ndarray, *, threshold: float = THRESHOLD, progress: Progress | None = None) -> np.ndarray:
    """Groups tiles that adjoin each other in a larger picture.

    Args:
        images: (N, H, W) uint8, tiles of one size.
        threshold: Evidence in nats that a join needs; higher is stricter.
        progress: Called with the number of tiles matched and their total, 2 N for the two axes.

    Returns:
        (N,) int64 labels; tiles of one picture share the index of their first tile. Constant tiles stay alone.

    Raises:
        ValueError: As in :func:`fit_borders`, or the threshold is not a positive number.
    """
    if not threshold > 0:
        raise ValueError(f'threshold must be a positive number of nats, got {threshold!r}')
    report = progress or (lambda done, total: None)
    borders: dict[int, Borders] = {}
    seams: list[Seam] = []
    if (np.ptp(images, axis=(1, 2)) > 0).sum() < 2:
        return np.arange(len(images))
    for turn, axis in enumerate((1, 0)):
        borders[axis] = fit_borders(images, axis=axis)
        seams += find_seams(
            borders[axis], axis=axis, progress=lambda done, n, turn=turn: report(turn * n + done, 2 * n)
        )
    return _join(len(images), seams, borders, threshold)


def find_seams(
    borders: Borders, *, axis: int, floor: float = FLOOR, block: int = 512, progress: Progress | None = None
) -> list[Seam]:
    """Pairs of tiles that are each other's best match, scored by evidence plus lead over the runner-up.

    Args:
        borders: Borders of N tiles along the axis.
        axis: Written into the seams.
        floor: Lowest score in nats to keep.
        block: Tiles matched at once; bounds the memory at about ``20 * block * N`` bytes.
        progress: Called with the number of tiles matched and N.
    """
    tiles = np.flatnonzero(borders.valid)
    first, second = borders.first[tiles], borders.second[tiles]
    count = len(tiles)
    if count < 2:
        return []
    by_row, by_column = _TopTwo(count), _TopTwo(count)
    for start in range(0, count, block):
        rows = np.arange(start, min(start + block, count))
        evidence = first[rows] @ second.T
        evidence[np.arange(len(rows)), rows] = -np.inf  # a tile is not its own neighbour
        by_row.update(rows, evidence, np.arange(count))
        by_column.update(np.arange(count), evidence.T, rows)
        if progress:
            progress(int(tiles[rows[-1]]) + 1 if rows[-1] + 1 < count else len(borders.valid), len(borders.valid))
    found = []
    for row in np.flatnonzero(by_column.where[by_row.where] == np.arange(count)):
        column = by_row.where[row]
        best = by_row.best[row]
        score = float(2 * best - max(by_row.runner_up[row], by_column.runner_up[column], 0))
        if score >= floor:
            found.append(Seam(score, axis, int(tiles[row]), int(tiles[column])))
    return found


class _TopTwo:
    """The two highest values met so far in each of N lines, and where the highest was."""

    def __init__(self, count: int) -> None:
        self.best = np.full(count, -np.inf, dtype=np.float32)
        self.runner_up = np.full(count, -np.inf, dtype=np.float32)
        self.where = np.full(count, -1)

    def update(self, lines: np.ndarray, values: np.ndarray, columns: np.ndarray) -> None:
        """Takes in values (len(lines), len(columns))."""
        at = values.argmax(axis=1)
        best = values[np.arange(len(lines)), at]
        second = np.partition(values, -2, axis=1)[:, -2] if values.shape[1] > 1 else np.full_like(best, -np.inf)
        better = best > self.best[lines]
        self.runner_up[lines] = np.maximum(
            np.minimum(best, self.best[lines]), np.maximum(second, self.runner_up[lines])
        )
        self.where[lines[better]] = columns[at[better]]
        self.best[lines] = np.maximum(best, self.best[lines])


def _join(count: int, seams: list[Seam], borders: dict[int, Borders], threshold: float) -> np.ndarray:
    """Joins tiles into pictures, strongest seams first, until no seam is left that all its neighbours bear out."""
    picture = list(range(count))
    cell = [(0, 0)] * count
    cells: dict[int, dict[tuple[int, int], int]] = {tile: {(0, 0): tile} for tile in range(count)}
    waiting = sorted(seams, reverse=True)
    joined = True
    while joined:
        joined, again = False, []
        for seam in waiting:
            here, there = picture[seam.first], picture[seam.second]
            if here == there:
                continue
            step = (1, 0) if seam.axis == 0 else (0, 1)
            shift = tuple(cell[seam.first][k] + step[k] - cell[seam.second][k] for k in (0, 1))
            moved = {(y + shift[0], x + shift[1]): tile for (y, x), tile in cells[there].items()}
            if _support(seam, cells[here], moved, borders, threshold) < threshold:
                again.append(seam)
                continue
            for where, tile in moved.items():
                picture[tile], cell[tile] = here, where
            cells[here] |= moved
            del cells[there]
            joined = True
        waiting = again
    first_tile = {name: min(tiles.values()) for name, tiles in cells.items()}
    return np.array([first_tile[name] for name in picture], dtype=np.int64)


def _support(
    seam: Seam,
    still: dict[tuple[int, int], int],
    moved: dict[tuple[int, int], int],
    borders: dict[int, Borders],
    threshold: float,
) -> float:
    """Evidence in nats for laying one picture beside another: the seam's own and that of all other seams it makes.

    Minus infinity where two tiles would share a cell. One seam's say is bounded by the threshold either way.
    """
    if not still.keys().isdisjoint(moved):
        return -np.inf
    total = seam.score
    for (y, x), tile in moved.items():
        sides = (
            (1, still.get((y, x - 1)), tile),
            (1, tile, still.get((y, x + 1))),
            (0, still.get((y - 1, x)), tile),
            (0, tile, still.get((y + 1, x))),
        )
        for axis, first, second in sides:
            if first is None or second is None or (axis, first, second) == seam[1:]:
                continue
            total += float(np.clip(borders[axis].evidence(first, second), -threshold, threshold))
    return total


def pair_scores(found: Mapping[str, str], truth: Mapping[str, str]) -> dict[str, float | int]:
    """Precision and recall of the pairs of tiles that share a group.

    Args:
        found: Group by tile id.
        truth: True group by tile id, for the same ids at least.

    Returns:
        ``precision`` (share of the found pairs that are true; 1 without any), ``recall`` (share of the true pairs that
        are found; 1 without any), ``found_pairs``, ``true_pairs``, ``shared_pairs`` and ``largest_group`` (tiles).

    Raises:
        ValueError: ``truth`` lacks ids of ``found``.
    """
    missing = sorted(found.keys() - truth.keys())
    if missing:
        shown = ', '.join(missing[:3]) + (', …' if len(missing) > 3 else '')
        raise ValueError(f'{len(missing)} tiles are without a true group: {shown}')
    pairs = [(found[tile], truth[tile]) for tile in found]
    found_pairs, true_pairs, shared = (
        _count_pairs(names) for names in ([f for f, _ in pairs], [t for _, t in pairs], pairs)
    )
    return dict(
        precision=shared / found_pairs if found_pairs else 1.0,
        recall=shared / true_pairs if true_pairs else 1.0,
        found_pairs=found_pairs,
        true_pairs=true_pairs,
        shared_pairs=shared,
        largest_group=max(Counter(found.values()).values(), default=0),
    )


def _count_pairs(names: list) -> int:
    """Number of unordered pairs of equal entries."""
    return sum(size * (size - 1) // 2 for size in Counter(names).values())
