"""Checks of the maps that attention layers are given."""

from torch import Tensor


def check_feature_map(owner: str, x: Tensor, channels: int) -> None:
    """Raises ValueError unless ``x`` is a (B, C, H, W) map of ``channels`` channels."""
    if x.dim() != 4 or x.shape[1] != channels:
        raise ValueError(f'{owner}: expected a (B, {channels}, H, W) input, got shape {tuple(x.shape)}')


def check_same_batch(owner: str, x: Tensor, what: str, other: Tensor) -> None:
    """Raises ValueError unless two inputs have as many images; one image would serve for all of the other's."""
    if x.shape[0] != other.shape[0]:
        raise ValueError(f'{owner}: expected a {what} of {x.shape[0]} images, as the input has, got {other.shape[0]}')
