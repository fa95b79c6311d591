"""Real TGS tiles beside synthetic sections: reading a sample of them, statistics, and drawing both."""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt

from mmattn.seismic.tiles.archive import TgsSource
from mmattn.seismic.tiles.tgs import read_image, read_mask

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


def tile_statistics(images: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Measures each tile's grey values, vertical wavenumber and continuity.

    Args:
        images: Grey values, (H, W) each, not constant.

    Returns:
        By name, one value a tile: mean and deviation in grey values, kurtosis, the energy's mean vertical wavenumber in
        cycles a sample, and the correlation of traces (``across``) and samples (``along``) 1 and 4 apart.
    """
    rows: dict[str, list[float]] = {}
    for image in images:
        centred = image - image.mean(dtype=np.float64)
        variance = (centred**2).mean()
        window = np.hanning(len(image))[:, None]
        energy = (np.abs(np.fft.rfft(centred * window, axis=0)) ** 2).sum(axis=1)[1:]
        values = {
            'mean grey': image.mean(),
            'deviation': np.sqrt(variance),
            'kurtosis': (centred**4).mean() / variance**2,
            'vertical wavenumber': (energy * np.fft.rfftfreq(len(image))[1:]).sum() / energy.sum(),
        }
        for lag in (1, 4):
            values[f'correlation across, {lag}'] = (centred[:, lag:] * centred[:, :-lag]).mean() / variance
            values[f'correlation along, {lag}'] = (centred[lag:] * centred[:-lag]).mean() / variance
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in rows.items()}


def salt_statistics(images: list[np.ndarray], masks: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Compares salt with the rest of the tile, more than 12 pixels from its border.

    Args:
        images: Grey values, (H, W) each, not constant.
        masks: Salt 1, (H, W) each.

    Returns:
        By name, one value a tile that has 600 pixels of each: ``salt, deviation``, as a share of the sediments';
        ``salt, grey``, how much brighter its median is, in deviations of the tile; and of either the mean squared
        difference of neighbours across and along over twice the variance, ``roughness``.
    """
    rows: dict[str, list[float]] = {}
    for image, mask in zip(images, masks, strict=True):
        grey = (image - np.median(image)) / image.std()
        parts = {'salt': distance_transform_edt(mask > 0) > 12, 'sediments': distance_transform_edt(mask == 0) > 12}
        if not (mask > 0).any() or min(part.sum() for part in parts.values()) < 600:
            continue
        deviation = {name: grey[part].std() + 1e-9 for name, part in parts.items()}
        values = {
            'salt, deviation': deviation['salt'] / deviation['sediments'],
            'salt, grey': np.median(grey[parts['salt']]) - np.median(grey[parts['sediments']]),
        }
        for name, part in parts.items():
            for axis, way in ((1, 'across'), (0, 'along')):
                change = np.diff(grey, axis=axis)[part[:, 1:] if axis else part[1:]]
                values[f'{name}, roughness {way}'] = (change**2).mean() / (2 * deviation[name] ** 2)
        for name, value in values.items():
            rows.setdefault(name, []).append(float(value))
    return {name: np.array(values) for name, values in rows.items()}


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
