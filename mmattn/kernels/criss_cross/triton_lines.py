"""Triton kernel of criss-cross attention for lines that one program holds whole: logits once, values once per axis.

Conventions and names are those of ``triton_kernels``. A program takes SIDE positions, all of a line, so that it
computes the line's logits once for all its channels. The column pass leaves its sums and the logarithm of each query's
normaliser; the row pass, whose line counts the position itself, merges both (as blocks are in section 3.1 of
FlashAttention, https://arxiv.org/abs/2205.14135): no normaliser has to be there before.
"""

import triton
import triton.language as tl

from mmattn.kernels.criss_cross.triton_kernels import _load, _logits, _positions


@triton.jit
def gather_line(
    packed, values, log_sum, column_log, partial, x, gamma, out,
    height, width, embed, total, channels, share,
    value_image, value_position, x_image, x_position, x_channel, out_image, out_position, out_channel,
    AXIS: tl.constexpr, TRANSPOSED: tl.constexpr, RESIDUAL: tl.constexpr,
    SIDE: tl.constexpr, EMBED: tl.constexpr, CHANNELS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Sums ``values`` along lines, weighted by the softmax weights, times gamma.

    TRANSPOSED sums over the queries that look at a position, by the ``log_sum`` (B, H * W) that the other form wrote:
    along columns (AXIS 0) the sums times gamma go to ``partial`` (B, H * W, channels), along rows those are added.
    Else columns leave weighted means there, which half precision holds as it does the values, and their logarithms in
    ``column_log`` (B, H * W); rows write ``log_sum`` and add up. The whole goes to ``out``, plus ``x`` with RESIDUAL.

    Grid: (lines, parts of ``share`` channels, B).
    """
    line, first, image = tl.program_id(0), tl.program_id(1) * share, tl.program_id(2).to(tl.int64)
    length = height if AXIS == 0 else width
    area = height * width
    steps = tl.arange(0, SIDE)
    inside = steps < length
    recorded = steps < tl.where(first == 0, length, 0)  # by one of the programs of a line
    places = _positions(AXIS, line, steps, height, width)
    dims = tl.arange(0, EMBED)
    packed += image * area * total
    values += image * value_image
    log_sum += image * area + places
    column_log += image * area + places
    query = _load(packed, places, inside, dims, embed, total)
    key = _load(packed + embed, places, inside, dims, embed, total)
    factor = tl.load(gamma).to(tl.float32)
    of_columns = factor
    if TRANSPOSED:
        normal = tl.load(log_sum, mask=inside, other=0.0)
        weights = tl.exp(_logits(key, query, steps, steps, length, AXIS, PRECISION) - normal[None, :])
        of_columns = 1.0
    else:
        logits = _logits(query, key, steps, steps, length, AXIS, PRECISION)
        largest = tl.max(logits, 1)
        shift = tl.where(largest == float('-inf'), 0.0, largest)  # a column of one position has nothing to sum
        own = shift + tl.log(tl.sum(tl.exp(logits - shift[:, None]), 1))
        if AXIS == 0:
            normal = tl.where(own == float('-inf'), 0.0, own)
            tl.store(column_log, own, mask=recorded)
            weights = tl.exp(logits - normal[:, None])
        else:
            above = tl.load(column_log, mask=inside, other=float('-inf'))
            most = tl.maximum(tl.where(inside, own, 0.0), above)
            normal = tl.where(inside, most + tl.log(tl.exp(own - most) + tl.exp(above - most)), 0.0)
            tl.store(log_sum, normal, mask=recorded)
            of_columns = (factor * tl.exp(above - normal))[:, None]
            weights = tl.exp(logits - normal[:, None])
    partial += image * area * channels + places[:, None] * channels
    places = places.to(tl.int64)
    x += image * x_image + places[:, None] * x_position
    out += image * out_image + places[:, None] * out_position
    weights = weights.to(values.dtype.element_ty)
    for start in range(first, tl.minimum(first + share, channels), CHANNELS):
        outputs = start + tl.arange(0, CHANNELS)
        here = inside[:, None] & (outputs < channels)[None, :]
        value = _load(values, places, inside, outputs, channels, value_position)
        sums = tl.dot(weights, value, input_precision=PRECISION)
        if TRANSPOSED or AXIS == 1:
            sums *= factor
        if AXIS == 0:
            tl.store(partial + outputs[None, :], sums.to(partial.dtype.element_ty), mask=here)
        else:
            sums += of_columns * tl.load(partial + outputs[None, :], mask=here, other=0.0).to(tl.float32)
            outputs = outputs.to(tl.int64)[None, :]
            if RESIDUAL:
                sums += tl.load(x + outputs * x_channel, mask=here, other=0.0).to(tl.float32)
            tl.store(out + outputs * out_channel, sums.to(out.dtype.element_ty), mask=here)
