"""Real TGS tiles beside synthetic sections: reading a sample of them and drawing both."""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmattn.seismic.archive import TgsSource
from mmattn.seismic.tgs import read_image, read_mask

_OUTLINE = '#E69F00'


def read_tgs_sample(
    source: str | os.PathLike, count: int, *, seed: int = 0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Reads randomly chosen tiles that are not constant; nothing is unpacked to disk.

    Args:
        source: A folder or archive in the TGS layout.
        count: How many tiles at most.
        seed: Of the choice.

    Returns:
        Grey values uint8 and masks 0 and 1 uint8, (H, W) each.

    Raises:
        FileNotFoundError: There are no tiles with masks at ``source``.
    """
    images, masks = [], []
    with TgsSource(source) as tiles:
        names = sorted(tiles.images.keys() & tiles.masks.keys())
        for name in np.random.default_rng(seed).permutation(names):
            if len(images) == count:
                break
            image = read_image(tiles.images[name](), name=f'tile {name}')
            if np.ptp(image) > 0:
                images.append(image)
                masks.append(read_mask(tiles.masks[name](), name=f'mask {name}'))
    if not images:
        raise FileNotFoundError(f'{source} holds no tiles with masks that are not constant')
    return images, masks


def save_gallery(
    path: str | os.PathLike,
    groups: dict[str, tuple[list[np.ndarray], list[np.ndarray]]],
    *,
    columns: int = 5,
    dpi: int = 100,
) -> Path:
    """Draws groups of sections side by side, each with its thin salt outline.

    Args:
        path: Of the picture; its folder is made if need be.
        groups: Images uint8 and masks, (H, W) each, by heading.
        columns: Of each group.
        dpi: Pixels an inch; a tile is 1.5 inches wide.

    Returns:
        The path.

    Raises:
        ValueError: No group holds an image.
    """
    longest = max((len(images) for images, _ in groups.values()), default=0)
    if longest == 0:
        raise ValueError('groups must hold at least one image')
    rows = -(-longest // columns)
    figure = Figure(figsize=(1.5 * columns * len(groups) + 0.3, 1.6 * rows + 0.4), layout='constrained')
    for panel, (heading, (images, masks)) in zip(figure.subfigures(1, len(groups), squeeze=False)[0], groups.items()):
        panel.suptitle(heading, fontsize=11)
        axes = panel.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, image, mask in zip(axes, images, masks):
            ax.imshow(image, cmap='gray', vmin=0, vmax=255)
            if 0 < np.mean(mask > 0) < 1:
                ax.contour(mask > 0, [0.5], colors=_OUTLINE, linewidths=0.7)
            ax.set_title(f'salt {np.mean(mask > 0):.0%}', fontsize=6, pad=2)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)
    return path
