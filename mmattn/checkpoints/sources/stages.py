"""Groups of networks whose blocks are called ``layer1.0``, ``layer1.1`` …, as a ResNet's four stages."""

from mmattn.checkpoints.groups import Group

STAGES = range(1, 5)
MOST_BLOCKS = 40  # in a stage; ResNet-152 has 36


def whole_network(stem: tuple[str, ...], member: str) -> Group:
    """Returns the group of the stem and of the first block of each stage: one stage calls for all.

    Args:
        stem: names of the stem's tensors.
        member: name of a tensor that every block has.
    """
    return Group((stem[0], *(f'layer{stage}.0.{member}' for stage in STAGES)), needs=stem[1:], prefix='')


def no_gaps(member: str) -> tuple[Group, ...]:
    """Returns groups in which each block calls for the one before it.

    Args:
        member: name of a tensor that every block has.
    """
    return tuple(
        Group((f'layer{stage}.{block}.{member}',), needs=(f'layer{stage}.{block - 1}.{member}',), prefix='')
        for stage in STAGES
        for block in range(1, MOST_BLOCKS)
    )
