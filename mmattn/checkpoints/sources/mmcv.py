"""mmcv: the non-local block (NonLocal2d), alone or inside a head."""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.groups import Group, batch_norm
from mmattn.checkpoints.sources.patterns import BN


def as_pair_weight(weight: Tensor) -> Tensor:
    """Our weights of a pair are a vector where mmcv has a convolution to one channel."""
    return weight.flatten()


def non_local_rules(published: str = '', ours: str = '') -> tuple[Rule, ...]:
    """Rules of one block under a prefix.

    Args:
        published: regular expression of its prefix, dot included; the first group may be kept by ``ours``.
        ours: what stands before our names.
    """
    projection, out = r'(?P<name>g|theta|phi)(?:\.0)?\.conv', r'conv_out'
    return (
        Rule(rf'{published}{projection}\.(?P<kind>weight|bias)', rf'{ours}\g<name>.\g<kind>'),
        Rule(rf'{published}concat_project\.conv\.weight', f'{ours}concat_weight', as_pair_weight),
        Rule(rf'{published}{out}\.conv\.(?P<kind>weight|bias)', rf'{ours}conv_out.\g<kind>'),
        Rule(rf'{published}{out}\.bn\.(?P<kind>{BN})', rf'{ours}norm.\g<kind>'),
    )


def non_local_groups(prefix: str = Group.prefix) -> tuple[Group, ...]:
    """What stands together in a block; ``gaussian`` has no theta and phi, and only some projections have a bias."""
    return (
        Group(('g.weight', 'conv_out.weight'), prefix=prefix),
        Group(('theta.weight', 'phi.weight'), needs=('g.weight',), prefix=prefix),
        Group(('theta.bias', 'phi.bias'), needs=('g.bias', 'theta.weight'), prefix=prefix),
        Group(('concat_weight',), needs=('theta.weight',), prefix=prefix),
        *batch_norm('norm', prefix=prefix),
    )


MMCV = Source(
    rules=non_local_rules(),
    groups=non_local_groups(),
)
