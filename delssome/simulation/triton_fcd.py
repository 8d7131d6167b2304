"""FCD histograms compiled for a GPU by Triton, in float32."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import torch
import triton
import triton.language as tl

from delssome.observables.fcd import CONSTANT

__all__ = ["count_pairs", "window_vectors"]

# Windows along either side of a part of an FCD matrix, and edges at a time, to which
# the number of edges is padded.
SIDE, DEEP, N_WARPS = 128, 32, 8
# Edges that slide together, and that are standardised together.
EDGES, CHUNK = 128, 1024
PRECISION = "tf32x3"  # float32 by tensor cores: three products in place of one


def window_vectors(x: torch.Tensor, in_windows: torch.Tensor) -> torch.Tensor:
    """Give FC vectors of windows, as of :func:`.torch_fcd.window_vectors`.

    Edges of 0 are added behind them.
    """
    n_scans, n_frames, n_rois = x.shape
    rows, columns = torch.triu_indices(n_rois, n_rois, 1, device=x.device)
    used, n_edges = in_windows > 0, len(rows)
    shape = n_scans, int(used.sum()), triton.cdiv(n_edges, DEEP) * DEEP
    vectors = torch.zeros(shape, device=x.device, dtype=torch.float32)
    _slide[(triton.cdiv(n_edges, EDGES), n_scans)](
        x,
        rows,
        columns,
        in_windows.double(),
        torch.where(used, used.cumsum(0) - 1, -1),
        vectors,
        n_frames,
        n_rois,
        len(in_windows),
        n_edges,
        *vectors.stride()[:2],
        CONSTANT,
        EDGES,
    )
    _standardise[(n_scans * shape[1],)](vectors, n_edges, shape[2], CHUNK)
    return vectors


@triton.jit
def _slide(
    x,
    rows,
    columns,
    counts,
    target,
    fc,
    n_frames,
    n_rois,
    n_windows,
    n_edges,
    scan_stride,
    window_stride,
    CONSTANT: tl.constexpr,
    EDGES: tl.constexpr,
):
    """Slide windows over the frames of some edges: add the next, drop the first."""
    scan = tl.program_id(1).to(tl.int64)
    edge = tl.program_id(0) * EDGES + tl.arange(0, EDGES)
    inside = edge < n_edges
    first = x + scan * n_frames * n_rois
    of_row = first + tl.load(rows + edge, inside, 0)
    of_column = first + tl.load(columns + edge, inside, 0)
    out = fc + scan * scan_stride + edge
    window = n_frames - n_windows + 1
    products = tl.zeros((EDGES,), tl.float64)
    sum_a, sum_b, square_a, square_b = products, products, products, products
    for frame in range(n_frames):
        a, b = tl.load(of_row + frame * n_rois), tl.load(of_column + frame * n_rois)
        products += a * b
        sum_a += a
        sum_b += b
        square_a += a * a
        square_b += b * b
        past = frame - window
        if past >= 0:
            a, b = tl.load(of_row + past * n_rois), tl.load(of_column + past * n_rois)
            products -= a * b
            sum_a -= a
            sum_b -= b
            square_a -= a * a
            square_b -= b * b
        if past >= -1:
            row = tl.load(target + past + 1)
            if row >= 0:
                share = 1.0 / tl.load(counts + past + 1)
                spread_a = square_a - sum_a * sum_a * share
                spread_b = square_b - sum_b * sum_b * share
                # What is constant within a window has no correlation.
                spread_a = tl.where(spread_a > CONSTANT, spread_a, 0.0)
                spread_b = tl.where(spread_b > CONSTANT, spread_b, 0.0)
                value = products - sum_a * sum_b * share
                value /= tl.sqrt(spread_a * spread_b)
                tl.store(out + row * window_stride, value.to(tl.float32), inside)


@triton.jit
def _standardise(vectors, n_edges, stride, CHUNK: tl.constexpr):
    """Give a vector mean 0 and norm 1."""
    vector = vectors + tl.program_id(0).to(tl.int64) * stride
    edge = tl.arange(0, CHUNK)
    total = tl.zeros((CHUNK,), tl.float32)
    for start in range(0, n_edges, CHUNK):
        total += tl.load(vector + start + edge, start + edge < n_edges, 0.0)
    mean = tl.sum(total) / n_edges
    square = tl.zeros((CHUNK,), tl.float32)
    for start in range(0, n_edges, CHUNK):
        value = tl.load(vector + start + edge, start + edge < n_edges, mean) - mean
        square += value * value
    scale = 1.0 / tl.sqrt(tl.sum(square))
    for start in range(0, n_edges, CHUNK):
        value = tl.load(vector + start + edge, start + edge < n_edges, 0.0) - mean
        tl.store(vector + start + edge, value * scale, start + edge < n_edges)


def count_pairs(vectors: torch.Tensor, n_bins: int) -> torch.Tensor:
    """Count the pairs of windows of scans in bins of their correlation.

    Parameters
    ----------
    vectors : Tensor of float32, shape (n_scans, n_windows, n_edges)
        Standardised, with a number of edges that can be divided by `DEEP`.
    n_bins : int

    Returns
    -------
    Tensor of int32, shape (n_scans, n_bins)
    """
    n_scans, n_windows, n_edges = vectors.shape
    counts = torch.zeros((n_scans, n_bins), device=vectors.device, dtype=torch.int32)
    n_sides = triton.cdiv(n_windows, SIDE)
    above = torch.triu_indices(n_sides, n_sides, device=vectors.device)
    _count[(above.shape[1], n_scans)](
        vectors,
        above,
        counts,
        n_windows,
        n_bins,
        above.shape[1],
        n_edges,
        SIDE,
        DEEP,
        PRECISION,
        num_warps=N_WARPS,
    )
    return counts


@triton.jit
def _count(
    vectors,
    above,
    counts,
    n_windows,
    n_bins,
    n_parts,
    n_edges: tl.constexpr,
    SIDE: tl.constexpr,
    DEEP: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Correlate the windows of one part of an FCD matrix, and count."""
    part, scan = tl.program_id(0), tl.program_id(1).to(tl.int64)
    row = tl.load(above + part).to(tl.int32) * SIDE + tl.arange(0, SIDE)
    column = tl.load(above + n_parts + part).to(tl.int32) * SIDE + tl.arange(0, SIDE)
    edge = tl.arange(0, DEEP)
    first = vectors + scan * n_windows * n_edges
    of_row = first + (row % n_windows)[:, None] * n_edges + edge[None, :]
    of_column = first + (column % n_windows)[None, :] * n_edges + edge[:, None]
    found = tl.zeros((SIDE, SIDE), tl.float32)
    for start in range(0, n_edges, DEEP):
        a, b = tl.load(of_row + start), tl.load(of_column + start)
        found = tl.dot(a, b, found, input_precision=PRECISION)
    position = ((found + 1.0) * (n_bins / 2)).to(tl.int32)
    position = tl.minimum(tl.maximum(position, 0), n_bins - 1)
    one = tl.full((SIDE, SIDE), 1, tl.int32)
    counted = (row[:, None] < column[None, :]) & (column < n_windows)[None, :]
    tl.atomic_add(counts + scan * n_bins + position, one, counted, sem="relaxed")
