"""google-research/vision_transformer: the arrays of ``R50+ViT-B_16.npz`` and ``ViT-B_16.npz`` for ``HybridViT``.

Kernels are stored rows, columns, input channels, output channels; heads have an axis of their own. The class token, its
position embedding, and the classifier are dropped.
"""

from torch import Tensor

from mmattn.checkpoints.convert import Rule, Source
from mmattn.checkpoints.sources.transunet import encoder_groups, in_unit

_KINDS = dict(scale='weight', bias='bias')
_NORMS = dict(LayerNorm_0='norm1', LayerNorm_2='norm2')
_DENSE = dict(Dense_0='fc1', Dense_1='fc2')


def _as_kernel(value: Tensor) -> Tensor:
    return value.permute(3, 2, 0, 1).contiguous()


def _as_vector(value: Tensor) -> Tensor:
    return value.flatten()


def _as_matrix(value: Tensor) -> Tensor:
    return value.T.contiguous()


def _from_heads(value: Tensor) -> Tensor:
    """(channels, heads, channels of a head) as the matrix of a linear layer."""
    return value.flatten(1).T.contiguous()


def _to_heads(value: Tensor) -> Tensor:
    """(heads, channels of a head, channels) as the matrix of a linear layer."""
    return value.flatten(0, 1).T.contiguous()


def _without_class_token(value: Tensor) -> Tensor:
    return value[:, 1:].contiguous()


def _resnet_rules() -> tuple[Rule, ...]:
    unit = r'block(\d)/unit(\d+)/'
    rules = [
        Rule('conv_root/kernel', 'stages.0.conv.weight', _as_kernel),
        Rule(rf'{unit}conv([123])/kernel', in_unit(r'conv\3.weight'), _as_kernel),
        Rule(rf'{unit}conv_proj/kernel', in_unit('shortcut.weight'), _as_kernel),
    ]
    for old, new in _KINDS.items():
        rules += [
            Rule(f'gn_root/{old}', f'stages.0.norm.{new}', _as_vector),
            Rule(rf'{unit}gn([123])/{old}', in_unit(rf'norm\3.{new}'), _as_vector),
            Rule(rf'{unit}gn_proj/{old}', in_unit(f'shortcut_norm.{new}'), _as_vector),
        ]
    return tuple(rules)


def _transformer_rules() -> tuple[Rule, ...]:
    block = r'Transformer/encoderblock_(\d+)/'
    attention, mlp = rf'{block}MultiHeadDotProductAttention_1/', rf'{block}MlpBlock_3/'
    layer = r'vit.layers.\1.'
    rules = [
        Rule('embedding/kernel', 'vit.patch_embed.weight', _as_kernel),
        Rule('embedding/bias', 'vit.patch_embed.bias'),
        Rule('Transformer/posembed_input/pos_embedding', 'vit.pos_embed', _without_class_token),
        Rule(rf'{attention}(query|key|value)/kernel', rf'{layer}attention.\2.weight', _from_heads),
        Rule(rf'{attention}(query|key|value)/bias', rf'{layer}attention.\2.bias', _as_vector),
        Rule(f'{attention}out/kernel', f'{layer}attention.proj.weight', _to_heads),
        Rule(f'{attention}out/bias', f'{layer}attention.proj.bias'),
    ]
    for old, new in _DENSE.items():
        rules += [
            Rule(f'{mlp}{old}/kernel', f'{layer}ffn.{new}.weight', _as_matrix),
            Rule(f'{mlp}{old}/bias', f'{layer}ffn.{new}.bias'),
        ]
    for old, new in _KINDS.items():
        rules += [Rule(f'{block}{name}/{old}', f'{layer}{norm}.{new}') for name, norm in _NORMS.items()]
        rules += [Rule(f'Transformer/encoder_norm/{old}', f'vit.norm.{new}')]
    return tuple(rules)


VIT_IMAGENET21K = Source(
    rules=(*_resnet_rules(), *_transformer_rules(), Rule('cls|(?:head|pre_logits)/.+', None)),
    groups=encoder_groups(),
)
