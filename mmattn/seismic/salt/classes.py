"""The classes of salt segmentation."""

from collections.abc import Sequence

CLASSES = 'background', 'salt'


def check_classes(owner: str, classes: Sequence[str] | None) -> None:
    """Checks that class 1 is salt, as masks, metrics, losses and pictures take it.

    Args:
        owner: who asks, named in the message.
        classes: names in the order of their labels; None is not checked.

    Raises:
        ValueError: if there are not two, or the second is not salt where one of them is called so.
    """
    if classes is None:
        return
    names = [str(name).lower() for name in classes]
    if len(names) != 2 or ('salt' in names and names[1] != 'salt'):
        raise ValueError(
            f'{owner}: metainfo classes must be {CLASSES}, in this order: label 1 is salt in masks, scores and '
            f'pictures; got {tuple(classes)}'
        )
