"""The maps of all attention layers of a network, taken while it runs."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from mmattn.attention.maps.core import AttentionMap, Place, attention_maps, check_place, has_maps


class SeenAttention(NamedTuple):
    """What one call of a layer did with the position.

    Args:
        layer: its name in the network.
        kind: name of its class.
        call: number of the call, from 0; layers with shared weights are called several times.
        maps: by name, see :func:`mmattn.attention.maps.attention_maps`.
    """

    layer: str
    kind: str
    call: int
    maps: dict[str, AttentionMap]


class AttentionWatch:
    """Takes the maps of a position in every attention layer that a network runs through.

    A context manager: hooks are on the layers inside the ``with`` block and off behind it. A layer's maps are computed
    when it is called, so that no more of its input is kept than the maps themselves.

    Args:
        model: any network; layers inside other attention layers belong to these.
        place: the position, and the size of the picture that goes into the network; where it is None, nothing is
            taken until :meth:`look_at` is called.
        image: takes that one of the batch alone; None takes all.
        on_error: called with what goes wrong when a layer's maps are taken, instead of an error that ends the run of
            the network; no more is taken then.

    Attributes:
        layers: names of the layers that are watched, in the order of the network.
        seen: what was taken, in the order of the calls; :meth:`clear` empties it.
    """

    def __init__(
        self,
        model: nn.Module,
        place: Place | None = None,
        *,
        image: int | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self.place, self.image, self.on_error = place, image, on_error
        self.seen: list[SeenAttention] = []
        self._layers = _outermost(model, '')
        self.layers = [name for name, _ in self._layers]
        self._hooks: list = []

    def look_at(self, row: int, column: int, size: tuple[int, int]) -> None:
        """Chooses the position, on a picture of ``size`` that the network gets; an error names what lies outside."""
        self.place = check_place((row, column), size)

    def clear(self) -> None:
        """Forgets what was taken."""
        self.seen.clear()

    def __enter__(self) -> 'AttentionWatch':
        for name, layer in self._layers:
            self._hooks.append(layer.register_forward_pre_hook(self._hook(name), with_kwargs=True))
        return self

    def __exit__(self, *exception: object) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    def _hook(self, name: str) -> Callable[..., None]:
        def take(layer: nn.Module, inputs: tuple, named: dict) -> None:
            if self.place is None:
                return
            try:
                self.seen.append(self._take(name, layer, [*inputs, *named.values()]))
            except Exception as error:
                if self.on_error is None:
                    raise
                self.place = None
                self.on_error(error)

        return take

    def _take(self, name: str, layer: nn.Module, inputs: list) -> SeenAttention:
        if self.image is not None:
            inputs = [x[self.image, None] if isinstance(x, Tensor) else x for x in inputs]
        maps = attention_maps(layer, *inputs, at=self.place[:2], size=self.place[2:])
        call = sum(one.layer == name for one in self.seen)
        return SeenAttention(name, type(layer).__name__, call, maps)


def _outermost(module: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    """The layers with maps below a module, without those inside another of them."""
    if has_maps(module):
        return [(name, module)]
    children = module.named_children()
    return [found for child, one in children for found in _outermost(one, f'{name}.{child}' if name else child)]
