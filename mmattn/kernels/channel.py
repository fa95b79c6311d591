"""Channel attention: on a CPU an operator with the fastest products at hand; elsewhere a gradient of one product.

The operator takes float32, and bfloat16 where the processor multiplies it. Its Gram matrix is of float32 there too:
bfloat16 would round sums over all positions to a few, so that a second product says what the first one lost.
"""

import torch
from torch import Tensor

from mmattn.kernels.context import has_bfloat16, is_exporting
from mmattn.kernels.products import multiply_columns, multiply_rows, slices, takes_onednn, without_denormals

MANY_CHANNELS = 256  # from which on the operator for CPUs is faster in float32; in bfloat16 it always is
STRIP = 128  # channels of the Gram matrix at a time; what lies below the diagonal is not computed
PIECE = 1024  # positions at a time: oneDNN is slow with more than a few thousand columns


def takes(x: Tensor) -> bool:
    """Tells whether the engine serves: where nothing is exported."""
    return not is_exporting()


def channel_attention(x: Tensor) -> Tensor:
    """Attends from each channel to every channel of (B, C, N); returns its like."""
    if _takes_operator(x):
        return attend(x)[0]
    gram = _Gram.apply(x.to(torch.promote_types(x.dtype, torch.float32)))  # (B, C, C)
    # What a softmax takes off every logit has no gradient.
    weights = (gram.detach().amax(-1, keepdim=True) - gram).softmax(-1)
    return weights.to(x.dtype) @ x


def _takes_operator(x: Tensor) -> bool:
    many = x.dtype == torch.float32 and x.shape[1] >= MANY_CHANNELS
    return x.is_cpu and (many or (x.dtype == torch.bfloat16 and has_bfloat16()))


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
        x: (B, C, N), float32 or bfloat16.

    Returns:
        (B, C, N), and the weights (B, C, C) in float32.
    """
    out = x.new_empty(x.shape)
    weights = x.new_empty(x.shape[0], x.shape[1], x.shape[1], dtype=torch.float32)
    for image, kept, result in zip(x.contiguous(), weights, out):
        gram = _gram(image)
        without_denormals(torch.softmax(gram.amax(-1, keepdim=True) - gram, -1, out=kept))
        if x.dtype != torch.float32:
            torch.mm(kept.to(x.dtype), image, out=result)
            continue
        length = PIECE if takes_onednn(image) else max(image.shape[1], 1)
        for part in slices(image.shape[1], length):
            result[:, part] = multiply_columns(image[:, part].contiguous(), kept)
    return out, weights


def _gram(image: Tensor) -> Tensor:
    """Returns ``image @ image.T``, (C, C) in float32, of (C, N) in float32 or bfloat16."""
    product = multiply_rows if image.dtype == torch.float32 else _product_of_narrow
    gram = image.new_empty(len(image), len(image), dtype=torch.float32)
    for rows in slices(len(image), STRIP):
        gram[rows, rows.start :] = product(image[rows], image[rows.start :])
        gram[rows.stop :, rows] = gram[rows, rows.stop :].t()
    return gram


def _product_of_narrow(rows: Tensor, matrix: Tensor) -> Tensor:
    """``rows @ matrix.T`` in float32, by two products of bfloat16: sums are in float32 until they are rounded."""
    high = rows @ matrix.t()
    low = torch.addmm(high, rows, matrix.t(), beta=-1)  # the sums, less what the first product rounded them to
    return high.float().add_(low)


@attend.register_fake
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(x.shape[0], x.shape[1], x.shape[1], dtype=torch.float32)


@torch.library.custom_op('mmattn::channel_attention_backward', mutates_args=(), device_types='cpu')
def attend_backward(grad: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    """Returns the gradient of ``x`` for that of the result; ``weights`` are what ``attend`` returned."""
    out = x.new_empty(x.shape)
    for grad_image, image, kept, result in zip(grad.contiguous(), x.contiguous(), weights, out):
        if x.dtype != torch.float32:
            _narrow_backward(grad_image, image, kept, result)
            continue
        grad_weights = multiply_rows(grad_image, image)
        grad_gram = _grad_of_gram(grad_weights, kept)
        transposed = kept.t().contiguous()
        for part in slices(image.shape[1], PIECE):
            from_values = multiply_columns(grad_image[:, part].contiguous(), transposed)
            result[:, part] = from_values.add_(multiply_columns(image[:, part].contiguous(), grad_gram))
    return out


def _grad_of_gram(grad_weights: Tensor, weights: Tensor) -> Tensor:
    grad_gram = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype).neg_()
    return grad_gram + grad_gram.t()  # it has x on both sides


def _narrow_backward(grad: Tensor, image: Tensor, weights: Tensor, out: Tensor) -> None:
    """Writes the gradient of an image (C, N) by products in its dtype."""
    narrow = image.dtype
    grad_gram = _grad_of_gram((grad @ image.t()).float(), weights).to(narrow)
    torch.addmm(weights.t().to(narrow) @ grad, grad_gram, image, out=out)


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
