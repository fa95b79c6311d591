"""Counts a network's parameters and multiply-adds.

Multiply-adds are those of convolutions and matrix products, fused attention and our own operators included, as
PyTorch's dispatcher sees them. mmengine's analysis reads a trace instead; ``mmattn.engine.counting`` teaches it fused
attention. What is linear in the elements (pooling, softmax, normalisation, gates) is not counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


@dataclass(frozen=True)
class Complexity:
    """What a network costs whatever the machine.

    Args:
        parameters: numbers that are learnt, or frozen.
        multiply_adds: of one forward pass with one image.
    """

    parameters: int
    multiply_adds: int


def _softmax_attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_, **__) -> int:
    """Floating-point operations, two a multiply-add, for (B, D, N), (B, D, M) and (B, C, M)."""
    batch, width, queries = query
    return 2 * batch * queries * key[2] * (width + value[1])


def _channel_attention(x: Sequence[int], *_, **__) -> int:
    """Floating-point operations, two a multiply-add, for (B, C, N)."""
    batch, channels, positions = x
    return 4 * batch * channels * channels * positions


def _criss_cross_attention(x: Sequence[int], packed: Sequence[int], *_, **__) -> int:
    """Floating-point operations, two a multiply-add, for (B, C, H, W) and (B, H, W, 2 D + C)."""
    batch, channels, height, width = x
    embed = (packed[-1] - channels) // 2
    return 2 * batch * height * width * (height + width) * (embed + channels)


def _project_positions(x: Sequence[int], weight: Sequence[int], *_, **__) -> int:
    """Floating-point operations, two a multiply-add, for (B, C, H, W) and (N, C)."""
    batch, channels, height, width = x
    return 2 * batch * height * width * channels * weight[0]


def _fused_attention(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_, **__) -> int:
    """PyTorch's own formula, for the fused operator of the CPU, which its counter lacks."""
    return sdpa_flop_count(query, key, value)


# Our operators are opaque to the counter.
_OWN_OPERATORS: dict[str, Callable[..., int]] = {
    'channel_attention': _channel_attention,
    'criss_cross_attention': _criss_cross_attention,
    'project_positions': _project_positions,
    'softmax_attention': _softmax_attention,
}


class _NoUnknownOperator(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        namespace, name = func._schema.name.split('::')
        if namespace == 'mmattn' and name not in _OWN_OPERATORS:
            raise ValueError(f'count_multiply_adds: no formula for the operator mmattn::{name}')
        return func(*args, **(kwargs or {}))


def count_parameters(module: nn.Module) -> int:
    """Returns the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_multiply_adds(module: Callable[..., object], *inputs: object) -> int:
    """Returns the multiply-adds of ``module(*inputs)``; only shapes are followed, nothing is computed.

    Raises:
        ValueError: if an operator of ours runs that has no formula here.
    """
    return sum(count_operators(module, *inputs).values())


def count_operators(
    module: Callable[..., object], *inputs: object, others: Mapping[object, Callable[..., int]] | None = None
) -> dict[object, int]:
    """Returns the multiply-adds of ``module(*inputs)`` by operator; only shapes are followed, nothing is computed.

    Args:
        module: what runs.
        inputs: its arguments.
        others: formulas of operators that do not count otherwise: two for a multiply-add, from the shapes.

    Raises:
        ValueError: if an operator of ours runs that has no formula here.
    """
    own = {
        getattr(torch.ops.mmattn, name): formula
        for name, formula in _OWN_OPERATORS.items()
        if hasattr(torch.ops.mmattn, name)
    }
    own[torch.ops.aten._scaled_dot_product_flash_attention_for_cpu] = _fused_attention
    counter = FlopCounterMode(display=False, custom_mapping={**own, **(others or {})})
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with torch.no_grad(), _without_fast_path(), fake, _NoUnknownOperator(), counter:
        module(*inputs)
    return {operator: count // 2 for operator, count in counter.get_flop_counts().get('Global', {}).items()}


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Makes ``nn.MultiheadAttention`` run by operators that the counter knows, not by one for predictions."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


def segmentor_complexity(config: Config, size: tuple[int, int]) -> Complexity:
    """Counts a segmentor as it predicts: without its auxiliary heads, through its own padding, on one image.

    Args:
        config: with ``model``.
        size: height and width of the image before padding.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    model = revert_sync_batchnorm(MODELS.build(deepcopy(config.model))).eval()  # building may change a config
    model.auxiliary_head = None
    channels = config.model.backbone.get('in_channels', config.model.backbone.get('num_shots', 3))
    data = dict(inputs=[torch.zeros(channels, *size)], data_samples=[SegDataSample(metainfo=dict(img_shape=size))])
    inputs: Tensor = model.data_preprocessor(data)['inputs']
    if isinstance(inputs, list):
        inputs = torch.stack(inputs)
    return Complexity(count_parameters(model), count_multiply_adds(model, inputs))


def input_size(config: Config) -> tuple[int, int]:
    """Returns the height and width that a config trains on.

    That is ``crop_size`` of its pipeline, or its preprocessor's size, or what all images are resized to.

    Raises:
        ValueError: if the config says none of them.
    """
    size = _find(config.get('train_dataloader'), 'crop_size')
    if size is None:
        preprocessor = config.model.get('data_preprocessor') or {}
        size = preprocessor.get('size')
    if size is None and (scale := _resized_to(config.get('train_pipeline') or [])) is not None:
        return scale[1], scale[0]
    if size is None:
        raise ValueError('the config has no crop_size in train_dataloader and no data_preprocessor.size')
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _resized_to(pipeline: list[dict]) -> tuple[int, int] | None:
    """Returns the width and height to which a pipeline resizes every image, or None."""
    steps = (step for step in pipeline if step['type'] == 'Resize' and not step.get('keep_ratio'))
    return next((tuple(step['scale']) for step in steps if 'scale' in step), None)


def _find(tree: object, key: str) -> object:
    """Returns the first value under ``key`` in nested dicts and lists, or None."""
    if isinstance(tree, dict):
        if tree.get(key) is not None:
            return tree[key]
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        return next((found for item in tree if (found := _find(item, key)) is not None), None)
    return None
