"""Pictures of what attention layers see: maps over the image, gates of channels as curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mmattn.attention.maps import AttentionMap, SeenAttention

_HEAT, _DIVERGING = 'inferno', 'RdBu_r'
_MOST_HEADS = 8
_TELLING = 'through', 'weights', 'rows', 'columns', 'positions'
_MARK = '#009E73'


@dataclass(frozen=True)
class Picture:
    """The image that a network was given, and the position.

    Args:
        image: (H, W), or (H, W, 3) with 8-bit values.
        row, column: of the position in it.
        inside: (left, right, top, bottom) shares of the network's padded input at which the image begins and ends.
    """

    image: np.ndarray
    row: float
    column: float
    inside: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)


def save_attention(seen: SeenAttention, picture: Picture, path: str | Path, *, dpi: int = 150) -> None:
    """Draws all maps of one call of a layer, a row for each.

    Weights and gates of positions lie over the image, whose position is marked by a ring: the mean over the heads, then
    the first eight heads if there are several. Gates of channels are a curve, those of pairs a matrix.

    Args:
        seen: of the first image of its batch.
        picture: what they are drawn over.
        path: of the figure; its suffix (.png, .pdf, .svg) is the format.
        dpi: pixels an inch.

    Raises:
        ValueError: if the layer has no maps.
    """
    if not seen.maps:
        raise ValueError(f'{seen.layer or seen.kind} attends to nothing: there is nothing to draw')
    rows = {name: panels(one) for name, one in seen.maps.items()}
    columns = 1 + max(len(found) for found in rows.values())
    aspect = min(max(picture.image.shape[0] / picture.image.shape[1], 0.4), 2.5)
    figure = Figure(figsize=(2.6 * columns, 2.6 * aspect * len(rows) + 0.6), layout='constrained')
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, found) in zip(axes, rows.items()):
        for ax in line[1 + len(found) :]:
            ax.set_axis_off()
        _draw_image(line[0], picture)
        line[0].set_title(name, fontsize=9, loc='left')
        for ax, (title, values) in zip(line[1:], found):
            _draw(ax, seen.maps[name], values, picture)
            ax.set_title(title, fontsize=8)
    call = f', call {seen.call + 1}' if seen.call else ''
    figure.suptitle(f'{seen.layer or "the layer"} ({seen.kind}{call})', fontsize=10)
    figure.savefig(path, dpi=dpi)


def draw_overview(seen: Sequence[SeenAttention], picture: Picture, *, most: int = 8, dpi: int = 90) -> bytes:
    """Draws the most telling map of each call of a layer, as PNG: the mean over its heads.

    Args:
        seen: of the first image of its batch.
        picture: what they are drawn over.
        most: calls that are drawn, the last ones of the network.
        dpi: pixels an inch.

    Raises:
        ValueError: if no layer has a map.
    """
    chosen = [one for one in seen if one.maps][-most:]
    if not chosen:
        raise ValueError('the network has no attention layer of mmattn, or none that attends')
    columns = min(len(chosen), 4)
    figure = Figure(figsize=(2.6 * columns, 2.9 * -(-len(chosen) // columns)), layout='constrained')
    axes = figure.subplots(-(-len(chosen) // columns), columns, squeeze=False).ravel()
    for ax in axes[len(chosen) :]:
        ax.set_axis_off()
    for ax, one in zip(axes, chosen):
        name = next((name for name in _TELLING if name in one.maps), next(iter(one.maps)))
        _draw(ax, one.maps[name], panels(one.maps[name])[0][1], picture)
        ax.set_title(f'{one.layer}\n{name}', fontsize=7)
    file = BytesIO()
    figure.savefig(file, format='png', dpi=dpi)
    return file.getvalue()


def panels(one: AttentionMap) -> list[tuple[str, np.ndarray]]:
    """What is drawn of a map, with titles: of heads their mean and, if there are several, the first eight."""
    values = one.values[0].cpu().numpy()
    if one.axes[0] != 'head' or len(values) == 1:
        return [('', values[0] if one.axes[0] == 'head' else values)]
    heads = [(f'head {number}', head) for number, head in enumerate(values[:_MOST_HEADS], 1)]
    return [(f'mean of {len(values)} heads', values.mean(0)), *heads]


def arrays_of(seen: Sequence[SeenAttention]) -> dict[str, np.ndarray]:
    """All maps as arrays by ``layer/map``, with ``layer/2/map`` for the second call of a layer, without the batch."""
    return {
        f'{one.layer or one.kind}/{f"{one.call + 1}/" if one.call else ""}{name}': found.values[0].cpu().numpy()
        for one in seen
        for name, found in one.maps.items()
    }


def describe_maps(seen: Sequence[SeenAttention]) -> list[Mapping[str, object]]:
    """What each map is, for a table."""
    return [
        dict(
            layer=one.layer,
            kind=one.kind,
            call=one.call + 1,
            map=name,
            axes=list(found.axes),
            shape=list(found.values.shape[1:]),
            of_the_position=found.position,
        )
        for one in seen
        for name, found in one.maps.items()
    ]


def padding_of(meta: dict) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) pixels that the data preprocessor has put around an image."""
    return tuple(meta.get('img_padding_size') or meta.get('padding_size') or (0, 0, 0, 0))


def place_in_input(meta: dict, size: Sequence[int], row: float, column: float) -> tuple[int, int]:
    """Where a position of an image, in shares of its height and width, lies in a network's input of ``size``."""
    left, right, top, bottom = padding_of(meta)
    height, width = size[0] - top - bottom, size[1] - left - right
    return top + min(int(row * height), height - 1), left + min(int(column * width), width - 1)


def inside_input(meta: dict, size: Sequence[int]) -> tuple[float, float, float, float]:
    """The shares (left, right, top, bottom) of the input at which the image begins and ends."""
    left, right, top, bottom = padding_of(meta)
    return left / size[1], 1 - right / size[1], top / size[0], 1 - bottom / size[0]


def file_name(seen: SeenAttention) -> str:
    """The name, without suffix, of a layer's picture; later calls of a layer are numbered from 2."""
    return f'{seen.layer or "network"}{f"_{seen.call + 1}" if seen.call else ""}'.replace('/', '_')


def picture_of(image: Tensor) -> np.ndarray:
    """(H, W) or (H, W, 3) of a (C, H, W) image as a pipeline packs it: BGR is turned to RGB, channels alike are one."""
    values = image.detach().cpu().numpy()
    if len(values) == 3 and not (np.array_equal(values[0], values[1]) and np.array_equal(values[0], values[2])):
        return np.moveaxis(values[::-1], 0, 2).clip(0, 255).astype(np.uint8)
    return values[0]


def _draw(ax: Axes, one: AttentionMap, values: np.ndarray, picture: Picture) -> None:
    if one.axes[-2:] == ('row', 'column'):
        _draw_over(ax, values, picture)
    elif values.ndim == 2:
        limit = dict(vmin=min(float(values.min()), 0), vmax=float(values.max()))
        ax.imshow(values, cmap=_HEAT, aspect='auto', interpolation='nearest', **limit)
        ax.set_ylabel(one.axes[0], fontsize=7)
        ax.set_xlabel(one.axes[1], fontsize=7)
        ax.tick_params(labelsize=6)
    else:
        ax.plot(values, color='0.2', linewidth=0.8)
        ax.set_xlabel(one.axes[0], fontsize=7)
        ax.set_ylim(*_limits(values))
        ax.tick_params(labelsize=6)


def _draw_over(ax: Axes, values: np.ndarray, picture: Picture) -> None:
    """A map over the image; cells outside of the image, in the network's padding, are cut off."""
    height, width = picture.image.shape[:2]
    left, right, top, bottom = picture.inside
    across, down = width / (right - left), height / (bottom - top)  # the padded input in pixels of the image
    extent = (-0.5 - left * across, -0.5 + (1 - left) * across, -0.5 + (1 - top) * down, -0.5 - top * down)
    ax.imshow(_grey(picture.image), cmap='gray', extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    low, high = float(values.min()), float(values.max())
    color = dict(cmap=_HEAT, vmin=0, vmax=high) if low >= 0 else dict(cmap=_DIVERGING, vmin=-max(-low, high))
    color['vmax'] = max(high, -low) or 1.0
    strength = np.clip(np.abs(values) / color['vmax'], 0.0, 1.0) ** 0.5
    ax.imshow(values, extent=extent, alpha=0.25 + 0.65 * strength, interpolation='nearest', **color)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.plot(picture.column, picture.row, 'o', mfc='none', mec=_MARK, ms=7, mew=1.5)
    ax.set_xlabel(f'{low:.3g} to {high:.3g}', fontsize=7)
    ax.set(xticks=[], yticks=[])


def _draw_image(ax: Axes, picture: Picture) -> None:
    ax.imshow(_grey(picture.image), cmap='gray')
    ax.plot(picture.column, picture.row, 'o', mfc='none', mec=_MARK, ms=7, mew=1.5)
    ax.set(xticks=[], yticks=[])


def _grey(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint8) if image.ndim == 3 else image


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return -0.02, 1.02
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room
