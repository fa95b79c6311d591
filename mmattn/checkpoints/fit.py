"""Whether a checkpoint's weights are those of a network."""

from collections.abc import Collection, Mapping

from torch import Tensor


def misfit(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, spare: Collection[str] = ()) -> str | None:
    """Says in words what of a network a checkpoint lacks, or has in another shape; None if it has all.

    Args:
        expected: the network's tensors by name.
        weights: the checkpoint's; ``module.`` before a name does not count.
        spare: beginnings of names that may be missing.
    """
    named = {str(key).removeprefix('module.'): value for key, value in weights.items()}
    expected = {key: value for key, value in expected.items() if key in named or not key.startswith(tuple(spare))}
    missing = [key for key in expected if key not in named]
    reshaped = [key for key in expected if key in named and _shape(named[key]) != _shape(expected[key])]
    if not missing and not reshaped:
        return None
    return (
        f'of {len(expected)} tensors {len(missing)} are missing and {len(reshaped)} have another shape, '
        f'{(missing + reshaped)[0]} for one'
    )


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None
