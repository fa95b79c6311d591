"""The tiles on which the networks of a benchmark disagree most."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmattn.seismic.salt.overlays import OverlayPanel, save_overlay_grid
from mmattn.seismic.tiles.tgs import read_image, read_mask
from mmattn.studies import Cell
from mmattn.studies.salt_benchmark.plan import Benchmark

_NETWORKS = 6  # at most side by side


def save_gallery(benchmark: Benchmark, path: Path, *, tiles: int = 8) -> Path | None:
    """Draws the tiles with the most pixels on which not all networks agree, one column a network.

    Of each network the first tested cell of one fold is taken, the fold that most networks have.

    Args:
        benchmark: prepared.
        path: of the PNG. It shows tiles of the survey, which may not be yours to publish.
        tiles: how many are drawn.

    Returns:
        The path, or None with fewer than two tested networks.
    """
    masks = _masks(benchmark)
    if len(masks) < 2:
        return None
    names = sorted(set.intersection(*(set(own) for own in masks.values())))
    chosen = sorted(names, key=lambda name: -disagreement([own[name] for own in masks.values()]))[:tiles]
    groups = {network: [_panel(benchmark.data, name, own[name]) for name in chosen] for network, own in masks.items()}
    return save_overlay_grid(groups, path, title='where the networks disagree')


def disagreement(masks: Sequence[Path]) -> float:
    """Returns the share of a tile's pixels that not all masks label alike."""
    stack = np.stack([read_mask(mask) for mask in masks])
    return float((stack.min(axis=0) != stack.max(axis=0)).mean())


def _masks(benchmark: Benchmark) -> Mapping[str, dict[str, Path]]:
    """Predicted masks by network and tile, of the fold that most networks were tested on."""
    tested = [cell for cell in benchmark.cells if (cell.folder / 'tiles' / 'tiles.csv').is_file()]
    by_fold: dict[int | None, dict[str, Cell]] = {}
    for cell in tested:
        by_fold.setdefault(cell.fold, {}).setdefault(cell.variant, cell)
    cells = max(by_fold.values(), key=len, default={})
    ordered = [cells[name] for name in benchmark.models if name in cells][:_NETWORKS]
    return {cell.variant: {png.stem: png for png in (cell.folder / 'tiles').glob('*.png')} for cell in ordered}


def _panel(data: Path, name: str, mask: Path) -> OverlayPanel:
    truth = read_mask(data / 'masks' / f'{name}.png')
    prediction = read_mask(mask)
    union = int((truth | prediction).sum())
    iou = int((truth & prediction).sum()) / union if union else 1.0
    section = read_image(data / 'images' / f'{name}.png')
    return OverlayPanel(section, truth=truth, prediction=prediction, title=f'{name}   IoU {iou:.2f}')
