"""Channel attention: in float32 on a CPU an operator with products by oneDNN; elsewhere a gradient of one product."""

import torch
from torch import Tensor

from mmattn.kernels.context import is_exporting
from mmattn.kernels.products import multiply_columns, multiply_rows, slices, takes_onednn, without_denormals

MANY_CHANNELS = 256  # from which on the operator for CPUs is faster
PIECE = 1024  # positions at a time: oneDNN is slow with more than a few thousand columns


def takes(x: Tensor) -> bool:
    """Tells whether the engine serves: where nothing is exported."""
    return not is_exporting()


def channel_attention(x: Tensor) -> Tensor:
    """Attends from each channel to every channel of (B, C, N); returns its like."""
    if x.shape[1] >= MANY_CHANNELS and x.is_cpu and x.dtype == torch.float32:
        return attend(x)[0]
    gram = _Gram.apply(x.to(torch.promote_types(x.dtype, torch.float32)))  # (B, C, C)
    # What a softmax takes off every logit has no gradient.
    weights = (gram.detach().amax(-1, keepdim=True) - gram).softmax(-1)
    return weights.to(x.dtype) @ x


class _Gram(torch.autograd.Function):
    """(B, C, N) to x @ x.mT; its gradient takes one product where autograd, blind to the symmetry, takes two."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return (grad + grad.mT) @ ctx.saved_tensors[0]


@torch.library.custom_op('mmattn::channel_attention', mutates_args=(), device_types='cpu')
def attend(x: Tensor) -> tuple[Tensor, Tensor]:
    """Attends from each channel to every channel.

    Args:
        x: (B, C, N), float32.

    Returns:
        (B, C, N), and the weights (B, C, C).
    """
    out = x.new_empty(x.shape)
    weights = x.new_empty(x.shape[0], x.shape[1], x.shape[1])
    for image, kept, result in zip(x.contiguous(), weights, out):
        gram = multiply_rows(image, image)
        without_denormals(torch.softmax(gram.amax(-1, keepdim=True) - gram, -1, out=kept))
        length = PIECE if takes_onednn(image) else max(image.shape[1], 1)
        for part in slices(image.shape[1], length):
            result[:, part] = multiply_columns(image[:, part].contiguous(), kept)
    return out, weights


@attend.register_fake
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(x.shape[0], x.shape[1], x.shape[1])


@torch.library.custom_op('mmattn::channel_attention_backward', mutates_args=(), device_types='cpu')
def attend_backward(grad: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    """Returns the gradient of ``x`` for that of the result; ``weights`` are what ``attend`` returned."""
    out = x.new_empty(x.shape)
    for grad_image, image, kept, result in zip(grad.contiguous(), x.contiguous(), weights, out):
        grad_weights = multiply_rows(grad_image, image)
        grad_gram = torch.ops.aten._softmax_backward_data(grad_weights, kept, -1, kept.dtype).neg_()
        grad_gram = grad_gram + grad_gram.t()  # the Gram matrix has x on both sides
        transposed = kept.t().contiguous()
        for part in slices(image.shape[1], PIECE):
            from_values = multiply_columns(grad_image[:, part].contiguous(), transposed)
            result[:, part] = from_values.add_(multiply_columns(image[:, part].contiguous(), grad_gram))
    return out


@attend_backward.register_fake
def _(grad: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    return x.new_empty(x.shape)


def _save(ctx, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, grad: Tensor, _: Tensor | None) -> Tensor:
    with torch.autocast(grad.device.type, enabled=False):
        return torch.ops.mmattn.channel_attention_backward(grad, *ctx.saved_tensors)


attend.register_autograd(_backward, setup_context=_save)
