"""Which tiles were cut from the same larger picture, found by matching their borders."""

from collections.abc import Callable, Mapping

import numpy as np


def find_mosaics(images: np.ndarray, *, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """First version, replaced soon: every tile its own."""
    return np.arange(len(images))


def pair_scores(found: Mapping[str, str], truth: Mapping[str, str]) -> dict[str, float | int]:
    """Precision and recall of the pairs of tiles that share a group.

    Args:
        found: Group by tile id.
        truth: True group by tile id, for the same ids at least.

    Returns:
        ``precision`` (share of the found pairs that are true; 1 without any), ``recall`` (share of the true pairs that
        are found), ``found_pairs``, ``true_pairs``, ``largest_group``.

    Raises:
        ValueError: ``truth`` lacks ids of ``found``.
    """
    missing = found.keys() - truth.keys()
    if missing:
        raise ValueError(f'{len(missing)} tiles are without a true group: {", ".join(sorted(missing)[:3])}')
    both = {tile: f'{len(truth[tile])}:{truth[tile]}/{found[tile]}' for tile in found}
    found_pairs, true_pairs, shared = (
        _count_pairs(list(names)) for names in (found.values(), [truth[t] for t in found], both.values())
    )
    return dict(
        precision=shared / found_pairs if found_pairs else 1.0,
        recall=shared / true_pairs if true_pairs else 1.0,
        found_pairs=found_pairs,
        true_pairs=true_pairs,
        largest_group=int(np.unique(list(found.values()), return_counts=True)[1].max()) if found else 0,
    )


def _count_pairs(names: list[str]) -> int:
    """Number of unordered pairs with equal names."""
    sizes = np.unique(names, return_counts=True)[1] if names else np.zeros(0, dtype=int)
    return int((sizes * (sizes - 1) // 2).sum())
