"""Triton kernels of criss-cross attention. A line is a column (axis 0) or a row (axis 1) of the map.

Shared conventions: maps are (B, H, W, channels) with the channels last; ``packed`` holds ``embed`` channels of queries,
as many of keys, then the values. A column leaves out the position itself, which the row counts. Logits and sums are
float32; products take the dtype of the features. A tile covers ROWS positions of a line against COLS positions of it.

The normaliser's logarithm comes from a kernel of its own, so the sums along columns and rows need no merging. Logits
and the gradients of weights are computed again wherever they are needed (section 3.1 of FlashAttention,
https://arxiv.org/abs/2205.14135): nothing is held that grows faster than the map.

Offsets within an image of ``packed`` are 32-bit, those of maps that may be views of larger ones 64-bit.
"""

import triton
import triton.language as tl


@triton.jit
def _positions(axis, line, steps, height, width):
    """Returns where in the image the steps of a line lie, as multiples of a position."""
    return tl.where(axis == 0, steps * width + line, line * width + steps)


@triton.jit
def _length(axis, line, height, width):
    """Returns the number of positions of a line, none where the map has no such line."""
    lines, length = tl.where(axis == 0, width, height), tl.where(axis == 0, height, width)
    return tl.where(line < lines, length, 0)


@triton.jit
def _load(start, positions, valid, channels, count, stride):
    """Loads (positions, channels), zero where a position is not valid or a channel not below ``count``."""
    where = start + positions[:, None] * stride + channels[None, :]
    return tl.load(where, mask=valid[:, None] & (channels[None, :] < count), other=0.0)


@triton.jit
def _logits(left, right, rows, cols, length, axis, PRECISION: tl.constexpr):
    """Returns the tile's logits, minus infinity outside the line and at a column's position itself."""
    logits = tl.dot(left, tl.trans(right), input_precision=PRECISION)
    counted = (rows < length)[:, None] & (cols < length)[None, :] & ((axis == 1) | (rows[:, None] != cols[None, :]))
    return tl.where(counted, logits, float('-inf'))


@triton.jit
def _changes(left, lefts, left_valid, left_stride, right, rights, right_valid, right_stride, count,
             ROWS: tl.constexpr, COLS: tl.constexpr, CHANNELS: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    """Returns the products of wide features, CHANNELS at a time: the gradients of a tile's softmax weights."""
    change = tl.zeros((ROWS, COLS), tl.float32)
    for first in range(0, count, CHANNELS):
        part = first + tl.arange(0, CHANNELS)
        one = _load(left, lefts, left_valid, part, count, left_stride)
        other = _load(right, rights, right_valid, part, count, right_stride)
        change += tl.dot(one, tl.trans(other), input_precision=PRECISION)
    return change


@triton.jit
def normaliser(
    packed, log_sums, height, width, embed, total,
    ROWS: tl.constexpr, COLS: tl.constexpr, EMBED: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Writes the logarithm of each query's sum of exp(logits) along its column and its row, (B, 2, H * W).

    Grid: (lines, tiles of a line, 2 B).
    """
    line, axis, image = tl.program_id(0), tl.program_id(2) % 2, (tl.program_id(2) // 2).to(tl.int64)
    length = _length(axis, line, height, width)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside = rows < length
    places = _positions(axis, line, rows, height, width)
    channels = tl.arange(0, EMBED)
    packed += image * height * width * total
    query = _load(packed, places, inside, channels, embed, total)
    largest = tl.full((ROWS,), float('-inf'), tl.float32)
    sums = tl.zeros((ROWS,), tl.float32)
    for start in range(0, length, COLS):
        cols = start + tl.arange(0, COLS)
        others = _positions(axis, line, cols, height, width)
        key = _load(packed + embed, others, cols < length, channels, embed, total)
        logits = _logits(query, key, rows, cols, length, axis, PRECISION)
        now = tl.maximum(largest, tl.max(logits, 1))
        shift = tl.where(now == float('-inf'), 0.0, now)  # a column of one position has nothing to sum
        sums = sums * tl.exp(largest - shift) + tl.sum(tl.exp(logits - shift[:, None]), 1)
        largest = now
    shift = tl.where(largest == float('-inf'), 0.0, largest)
    tl.store(log_sums + (2 * image + axis) * height * width + places, shift + tl.log(sums), mask=inside)


@triton.jit
def gather(
    packed, values, log_sum, partial, x, gamma, out,
    height, width, embed, total, channels,
    value_image, value_position, x_image, x_position, x_channel, out_image, out_position, out_channel,
    AXIS: tl.constexpr, TRANSPOSED: tl.constexpr, RESIDUAL: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr, EMBED: tl.constexpr, CHANNELS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Sums ``values`` along lines, weighted by the softmax weights, times gamma.

    TRANSPOSED sums over the queries that look at a position, not over the keys that it looks at. Along columns (AXIS 0)
    the sums go to ``partial`` (B, H * W, channels), by then times gamma, so that half precision holds what the result
    does. Along rows (AXIS 1) those are added, and the whole goes to ``out``, plus ``x`` with RESIDUAL.

    Grid: (lines, tiles of a line x tiles of the channels, B).
    """
    line, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    tiles = tl.cdiv(channels, CHANNELS)
    length = height if AXIS == 0 else width
    area = height * width
    rows = (tl.program_id(1) // tiles) * ROWS + tl.arange(0, ROWS)
    outputs = (tl.program_id(1) % tiles) * CHANNELS + tl.arange(0, CHANNELS)
    places = _positions(AXIS, line, rows, height, width)
    dims = tl.arange(0, EMBED)
    packed += image * area * total
    values += image * value_image
    log_sum += image * area
    left = _load(packed + (embed if TRANSPOSED else 0), places, rows < length, dims, embed, total)
    sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    for start in range(0, length, COLS):
        cols = start + tl.arange(0, COLS)
        others = _positions(AXIS, line, cols, height, width)
        right = _load(packed + (0 if TRANSPOSED else embed), others, cols < length, dims, embed, total)
        weights = _logits(left, right, rows, cols, length, AXIS, PRECISION)
        if TRANSPOSED:
            normal = tl.load(log_sum + others, mask=cols < length, other=0.0)[None, :]
        else:
            normal = tl.load(log_sum + places, mask=rows < length, other=0.0)[:, None]
        value = _load(values, others, cols < length, outputs, channels, value_position)
        sums += tl.dot(tl.exp(weights - normal).to(value.dtype), value, input_precision=PRECISION)
    inside = (rows < length)[:, None] & (outputs < channels)[None, :]
    partial += image * area * channels + places[:, None] * channels + outputs[None, :]
    sums *= tl.load(gamma).to(tl.float32)
    if AXIS == 0:
        tl.store(partial, sums.to(partial.dtype.element_ty), mask=inside)
    else:
        sums += tl.load(partial, mask=inside, other=0.0).to(tl.float32)
        places, outputs = places.to(tl.int64), outputs.to(tl.int64)
        if RESIDUAL:
            x += image * x_image + places[:, None] * x_position + outputs[None, :] * x_channel
            sums += tl.load(x, mask=inside, other=0.0).to(tl.float32)
        out += image * out_image + places[:, None] * out_position + outputs[None, :] * out_channel
        tl.store(out, sums.to(out.dtype.element_ty), mask=inside)


@triton.jit
def query_gradients(
    packed, grad, log_sum, means, partial, gamma, grad_packed, height, width, embed, total, channels,
    AXIS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, EMBED: tl.constexpr, CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Writes the queries' gradients for ``grad`` (B, H * W, channels) of what was gathered, and ``means``.

    With softmax weights w, their gradients c (products of ``grad`` and values) and keys k a query's gradient is
    gamma * (sum of w c k - mean * sum of w k), where mean is the sum of w c, over both lines. Along columns (AXIS 0)
    the two sums, the first times gamma, go to ``partial`` (B, H * W, 2, embed) and the mean to ``means`` (B, H * W);
    along rows (AXIS 1) those are added. The products in half precision take c less what it is on average in the line's
    first tile.

    Grid: (lines, tiles of a line, B).
    """
    line, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    area, length = height * width, (height if AXIS == 0 else width)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside = rows < length
    places = _positions(AXIS, line, rows, height, width)
    dims = tl.arange(0, EMBED)
    packed += image * area * total
    grad += image * area * channels
    query = _load(packed, places, inside, dims, embed, total)
    normal = tl.load(log_sum + image * area + places, mask=inside, other=0.0)
    factor = tl.load(gamma).to(tl.float32)
    shift, mean = tl.zeros((ROWS,), tl.float32), tl.zeros((ROWS,), tl.float32)
    weighted, plain = tl.zeros((ROWS, EMBED), tl.float32), tl.zeros((ROWS, EMBED), tl.float32)
    for start in range(0, length, COLS):
        cols = start + tl.arange(0, COLS)
        others = _positions(AXIS, line, cols, height, width)
        change = _changes(
            grad, places, inside, channels, packed + 2 * embed, others, cols < length, total, channels,
            ROWS, COLS, CHANNELS, PRECISION,
        )  # fmt: skip
        key = _load(packed + embed, others, cols < length, dims, embed, total)
        weights = tl.exp(_logits(query, key, rows, cols, length, AXIS, PRECISION) - normal[:, None])
        here = tl.sum(weights * change, 1)
        mean += here
        shift = tl.where(start == 0, here / tl.maximum(tl.sum(weights, 1), 1e-30), shift)
        plain += tl.dot(weights.to(key.dtype), key, input_precision=PRECISION)
        scores = factor * weights * (change - shift[:, None])
        weighted += tl.dot(scores.to(key.dtype), key, input_precision=PRECISION)
    weighted += factor * shift[:, None] * plain
    where = inside[:, None] & (dims < embed)[None, :]
    partial += (image * area + places.to(tl.int64))[:, None] * (2 * embed) + dims[None, :]
    means += image * area + places
    if AXIS == 0:
        tl.store(partial, weighted, mask=where)
        tl.store(partial + embed, plain, mask=where)
        tl.store(means, mean, mask=inside)
    else:
        weighted += tl.load(partial, mask=where, other=0.0)
        plain += tl.load(partial + embed, mask=where, other=0.0)
        mean += tl.load(means, mask=inside, other=0.0)
        tl.store(means, mean, mask=inside)
        result = weighted - factor * mean[:, None] * plain
        grad_packed += image * area * total + places[:, None] * total + dims[None, :]
        tl.store(grad_packed, result.to(grad_packed.dtype.element_ty), mask=where)


@triton.jit
def key_gradients(
    packed, grad, log_sum, means, partial, gamma, grad_packed, height, width, embed, total, channels,
    AXIS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, EMBED: tl.constexpr, CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Writes the keys' gradients, after ``query_gradients``, with whose ``means`` (B, H * W).

    A key's gradient is the sum of gamma w (c - mean) q over the queries q that look at it. Along columns (AXIS 0) the
    sums go to ``partial`` (B, H * W, embed), along rows (AXIS 1) those are added.

    Grid: (lines, tiles of a line, B).
    """
    line, image = tl.program_id(0), tl.program_id(2).to(tl.int64)
    area, length = height * width, (height if AXIS == 0 else width)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside = rows < length
    places = _positions(AXIS, line, rows, height, width)
    dims = tl.arange(0, EMBED)
    packed += image * area * total
    grad += image * area * channels
    key = _load(packed + embed, places, inside, dims, embed, total)
    factor = tl.load(gamma).to(tl.float32)
    sums = tl.zeros((ROWS, EMBED), tl.float32)
    for start in range(0, length, COLS):
        cols = start + tl.arange(0, COLS)
        valid = cols < length
        others = _positions(AXIS, line, cols, height, width)
        change = _changes(
            packed + 2 * embed, places, inside, total, grad, others, valid, channels, channels,
            ROWS, COLS, CHANNELS, PRECISION,
        )  # fmt: skip
        query = _load(packed, others, valid, dims, embed, total)
        normal = tl.load(log_sum + image * area + others, mask=valid, other=0.0)
        weights = tl.exp(_logits(key, query, rows, cols, length, AXIS, PRECISION) - normal[None, :])
        mean = tl.load(means + image * area + others, mask=valid, other=0.0)[None, :]
        scores = factor * weights * (change - mean)
        sums += tl.dot(scores.to(query.dtype), query, input_precision=PRECISION)
    where = inside[:, None] & (dims < embed)[None, :]
    partial += (image * area + places.to(tl.int64))[:, None] * embed + dims[None, :]
    if AXIS == 0:
        tl.store(partial, sums, mask=where)
    else:
        sums += tl.load(partial, mask=where, other=0.0)
        grad_packed += image * area * total + embed + places[:, None] * total + dims[None, :]
        tl.store(grad_packed, sums.to(grad_packed.dtype.element_ty), mask=where)
