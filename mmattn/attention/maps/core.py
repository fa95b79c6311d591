"""Which function gives the maps of which layer, and how it is called."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from mmattn.common.checks import check_positive_ints

AXES = ('head', 'row', 'column', 'channel', 'other channel')
"""What the axes of a map may be, behind that of the images."""


class Place(NamedTuple):
    """A position on a grid, and where that is on other grids over the same picture.

    Args:
        row, column: from 0.
        height, width: of the grid.
    """

    row: int
    column: int
    height: int
    width: int

    def on(self, height: int, width: int) -> tuple[int, int]:
        """Row and column, on a grid of another size, of the cell in which the middle of the place lies."""
        return (2 * self.row + 1) * height // (2 * self.height), (2 * self.column + 1) * width // (2 * self.width)


@dataclass(frozen=True)
class AttentionMap:
    """One kind of weights, for all images of a batch.

    Args:
        values: (B, *sizes), float32 or wider.
        axes: what the sizes count, of :data:`AXES`; rows and columns are those of the grid that is attended to.
        position: whether the weights are those of the chosen position, not of the map as a whole.
    """

    values: Tensor
    axes: tuple[str, ...]
    position: bool = False


Maps = dict[str, AttentionMap]
Function = TypeVar('Function', bound=Callable[..., Maps])
_FUNCTIONS: dict[type[nn.Module], Callable[..., Maps]] = {}


def maps_of(layer: type[nn.Module]) -> Callable[[Function], Function]:
    """Registers the function that gives the maps of a class of layers and of those derived from it.

    It is called with the layer, whose floating-point parameters are float32 or wider and whose modules are set for
    evaluation, a :class:`Place` and the layer's inputs, without gradients.
    """

    def register(function: Function) -> Function:
        _FUNCTIONS[layer] = function
        return function

    return register


def has_maps(layer: nn.Module) -> bool:
    """Tells whether :func:`attention_maps` knows a layer."""
    return any(known in _FUNCTIONS for known in type(layer).__mro__)


def attention_maps(
    layer: nn.Module, *inputs: object, at: Sequence[int], size: Sequence[int] | None = None
) -> dict[str, AttentionMap]:
    """Recomputes what an attention layer does with one position of its input.

    Nothing as large as the matrix of all pairs of positions is held: only the queries of that position are formed,
    and those of what it sees, where a layer attends twice. Batch normalisations use their running statistics, as in
    evaluation, in whatever mode the layer is. All is computed in float32 or wider.

    Args:
        layer: one of ``list_attention()``, a layer of two inputs, or one that a network has of them inside; or another
            for which ``maps_of`` has registered a function.
        inputs: what the layer is called with.
        at: row and column, from 0, on the grid of the first input; on a grid of ``size`` where that is given.
        size: height and width of the picture that the layer's grid covers. Layers of tokens, which do not know
            their grid, need it.

    Returns:
        Maps by name. Weights that a position gives to others: ``weights`` (heads, rows, columns), of criss-cross
        attention ``weights`` of the last application and, where it is applied several times, ``through`` all of them;
        of axial attention ``columns``, ``rows`` and ``through`` both. Gates: ``channels``, ``positions``, and of
        coordinate attention ``row gates`` and ``column gates``; ``channel pairs`` of channel attention. A criss-cross
        layer without an application has none.

    Raises:
        TypeError: if no function is known for the layer.
        ValueError: if ``at`` lies outside, or the layer refuses its inputs.
    """
    function = next((_FUNCTIONS[known] for known in type(layer).__mro__ if known in _FUNCTIONS), None)
    if function is None:
        names = ', '.join(sorted(known.__name__ for known in _FUNCTIONS))
        raise TypeError(f'attention_maps: no maps of {type(layer).__name__}; there are those of {names}')
    if size is None:
        if not isinstance(inputs[0], Tensor) or inputs[0].dim() < 4:
            raise ValueError(f'attention_maps: size must be given for {type(layer).__name__}, whose input is no map')
        size = inputs[0].shape[-2:]
    place = check_place(at, size)
    inputs = tuple(_wide(value, layer) for value in inputs)
    device = next((value.device.type for value in inputs if isinstance(value, Tensor)), 'cpu')
    with torch.no_grad(), torch.autocast(device, enabled=False), _evaluating(_wide_layer(layer)) as ready:
        return function(ready, place, *inputs)


def check_place(at: Sequence[int], size: Sequence[int]) -> Place:
    """Returns the place of a row and a column on a grid.

    Raises:
        TypeError: if a number is no integer.
        ValueError: if there are not two of them, or they lie outside.
    """
    at = check_positive_ints('attention_maps', 'at', tuple(at), 2, minimum=0)
    height, width = int(size[0]), int(size[1])
    if at[0] >= height or at[1] >= width:
        raise ValueError(f'attention_maps: at must be a row below {height} and a column below {width}, got {at}')
    return Place(*at, height, width)


def _wide(value: object, layer: nn.Module) -> object:
    """A tensor in float32 or wider, and as wide as the layer."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    dtype = torch.promote_types(value.dtype, torch.float32)
    for parameter in layer.parameters():
        if parameter.is_floating_point():
            dtype = torch.promote_types(dtype, parameter.dtype)
    return value.detach().to(dtype)


def _wide_layer(layer: nn.Module) -> nn.Module:
    """The layer, or a copy of it where its parameters are narrower than float32."""
    narrow = any(x.is_floating_point() and x.element_size() < 4 for x in (*layer.parameters(), *layer.buffers()))
    return copy.deepcopy(layer).float() if narrow else layer


@contextmanager
def _evaluating(layer: nn.Module) -> Iterator[nn.Module]:
    modes = [(module, module.training) for module in layer.modules()]
    layer.eval()
    try:
        yield layer
    finally:
        for module, training in modes:
            module.training = training
