"""What a set of tiles holds: counts, amplitude statistics and the identity of its split, kept as survey.json."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmattn.seismic.tiles.tgs import FoldRow

PERCENTILES = (0.1, 1, 5, 25, 50, 75, 95, 99, 99.9)
TINY_PIXELS = 32
"""Masks with 1 to this many salt pixels count as tiny."""


def is_vertical_only(mask: np.ndarray) -> bool:
    """Whether the salt's outline has vertical edges only: every row the same, salt and background both present.

    Such masks are a known flaw of the TGS labels (the interpreter's polygon ended at the section's edge).

    Args:
        mask: (H, W) of 0 and 1.
    """
    return bool((mask == mask[:1]).all() and 0 < mask[0].sum() < mask.shape[1])


def survey_tiles(
    images: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], depths: Mapping[str, float]
) -> dict:
    """Counts and amplitude statistics of labelled tiles.

    Args:
        images: (H, W) uint8 by tile id.
        masks: (H, W) of 0 and 1 by tile id, the same ids.
        depths: Depth by tile id; may lack some.

    Returns:
        JSON-ready dict: ``counts``, ``amplitude`` (mean, std and percentiles of the 8-bit values over the tiles that
        are not constant; None where there is no such tile), ``coverage_mean`` and the ids ``constant_ids``.
    """
    constant = sorted(tile for tile, image in images.items() if np.ptp(image) == 0)
    histogram = np.zeros(256, dtype=np.int64)
    for tile in images.keys() - set(constant):
        histogram += np.bincount(images[tile].ravel(), minlength=256)
    salt = {tile: int(mask.sum()) for tile, mask in masks.items()}
    counts = dict(
        tiles=len(images),
        empty_masks=sum(pixels == 0 for pixels in salt.values()),
        constant_images=len(constant),
        tiny_masks=sum(0 < pixels <= TINY_PIXELS for pixels in salt.values()),
        full_masks=sum(pixels == masks[tile].size for tile, pixels in salt.items()),
        vertical_edge_only_masks=sum(is_vertical_only(mask) for mask in masks.values()),
        without_depth=sum(tile not in depths for tile in images),
    )
    coverage = float(np.mean([mask.mean() for mask in masks.values()])) if masks else 0.0
    return dict(
        counts=counts,
        amplitude=_amplitude(histogram),
        coverage_mean=round(coverage, 6),
        constant_ids=constant,
    )


def _amplitude(histogram: np.ndarray) -> dict | None:
    """Mean, standard deviation and percentiles from the counts of the values 0 to 255."""
    total = histogram.sum()
    if total == 0:
        return None
    values = np.arange(256)
    mean = (histogram * values).sum() / total
    std = np.sqrt((histogram * (values - mean) ** 2).sum() / total)
    cumulative = np.cumsum(histogram) / total
    percentiles = {str(p): int(np.searchsorted(cumulative, p / 100)) for p in PERCENTILES}
    return dict(mean=round(float(mean), 4), std=round(float(std), 4), percentiles=percentiles)


def split_digest(folds: Mapping[str, FoldRow]) -> str:
    """SHA-256 over the sorted lines 'id,fold': equal digests mean equal splits."""
    lines = ''.join(f'{tile},{folds[tile].fold}\n' for tile in sorted(folds))
    return hashlib.sha256(lines.encode()).hexdigest()


def read_survey(path: str | os.PathLike) -> dict:
    """Reads a survey.json.

    Raises:
        ValueError: It is not JSON, or lacks the entries that :func:`survey_tiles` gives.
    """
    try:
        survey = json.loads(Path(path).read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is not readable JSON: {error}') from error
    if not isinstance(survey, dict) or not {'counts', 'amplitude', 'constant_ids'} <= survey.keys():
        raise ValueError(f'{path} lacks counts, amplitude or constant_ids: write it again with tools/prepare_tgs.py')
    return survey
