"""A network's scores on sections as another survey would have them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmattn.evaluation import tgs_precision
from mmattn.inference.loading import SaltPredictor
from mmattn.seismic.changes import CHANGES, Change


def robustness(
    model: SaltPredictor,
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    *,
    changes: Mapping[str, Change] = CHANGES,
    threshold: float = 0.5,
    seed: int = 0,
) -> list[dict[str, str | float]]:
    """Scores a network under each change of the sections.

    Args:
        model: to score.
        images: grey values uint8, N of one size (H, W), or (N, H, W).
        masks: truths, 1 is salt, of the same sizes.
        changes: by name, as ``mmattn.seismic.changes.CHANGES``; the first is what the others are compared with.
        threshold: probability above which a sample is salt.
        seed: of what is random in the changes; each change draws the same for the same section.

    Returns:
        By change: ``change``, salt ``iou`` (intersection and union summed over all sections), ``lost``, how much less
        than of the first change it is, and ``mean_precision`` of the TGS competition.

    Raises:
        ValueError: if there are no sections, or as many masks as images are not given.
    """
    if not len(images) or len(images) != len(masks):
        raise ValueError(f'images and masks must be as many, one at least, got {len(images)} and {len(masks)}')
    rows: list[dict[str, str | float]] = []
    for name, change in changes.items():
        pairs = [
            change(image, mask, np.random.default_rng([seed, number]))
            for number, (image, mask) in enumerate(zip(images, masks, strict=True))
        ]
        salt = model.many(np.stack([image for image, _ in pairs])) > threshold
        truth = np.stack([mask for _, mask in pairs]) > 0
        common, predicted, true = ((part).sum((1, 2)) for part in (salt & truth, salt, truth))
        union = int((predicted + true - common).sum())
        iou = int(common.sum()) / union if union else 1.0
        precision = np.mean([tgs_precision(*map(int, counts)) for counts in zip(common, predicted, true)])
        rows.append(dict(change=name, iou=iou, lost=rows[0]['iou'] - iou if rows else 0.0, mean_precision=precision))
    return rows


def save_card(path: str | os.PathLike, rows: Sequence[Mapping[str, str | float]], *, dpi: int = 120) -> Path:
    """Draws what ``robustness`` gave as bars, with a line where nothing is lost.

    Args:
        path: of the picture.
        rows: as ``robustness`` returns them.
        dpi: pixels an inch.

    Returns:
        The path.
    """
    figure = Figure(figsize=(6, 0.28 * len(rows) + 0.8), layout='constrained')
    axes = figure.add_subplot()
    names, scores = [str(row['change']) for row in rows], [float(row['iou']) for row in rows]
    axes.barh(names, scores, color='#0072B2')
    axes.axvline(scores[0], color='#D55E00', linewidth=1)
    for number, score in enumerate(scores):
        axes.text(score, number, f' {score:.3f}', va='center', fontsize=8)
    axes.set(xlabel='salt IoU', xlim=(0, 1))
    axes.invert_yaxis()
    figure.savefig(path, dpi=dpi)
    return Path(path)
