"""Stages of the network's algebra, compiled: what a system becomes in lanes."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.simd.linalg import (
    HALF,
    LANES,
    ONE,
    TWO,
    U0,
    U1,
    U2,
    U3,
    U4,
    U5,
    U6,
    ZERO,
    Index,
    Lanes,
    Rows,
    Vector,
    add_products,
    compiled,
    dot,
    fill,
    invert,
    multiply,
    scale_columns,
    scale_to_one,
    standardise,
    times,
    trace_of_product,
)
from delssome.simd.vectors import (
    constant,
    fused,
    load,
    square_root,
    store,
)

__all__ = [
    "add_to_all",
    "describe_edges",
    "describe_first_mode",
    "describe_noise",
    "describe_slowest_mode",
    "put_fc",
    "put_inverse",
    "put_ones",
    "put_pattern",
    "put_pattern_times_fc",
    "put_sum",
    "put_system",
    "regress",
    "take_edges",
]


@compiled
def put_system(
    sc: Rows, first: Index, n: Index, reach: Lanes, decay: Lanes, matrix: Lanes
) -> None:
    """Build systems: minus coupling between regions, decay on the diagonal."""
    count, size = np.uint64(sc.shape[0]), np.uint64(sc.shape[1])
    shared = count == U1
    for i in range(n):
        for j in range(i):
            entry = i * n + j
            if i >= size:
                store(matrix, entry, constant(ZERO))
                continue
            coupled = load(reach, i) * load(reach, j)
            if shared:
                store(matrix, entry, coupled * -sc[0, i, j])
            else:
                for lane in range(LANES):
                    which = min(first + lane, count - U1)
                    matrix[entry * LANES + lane] = -sc[which, i, j]
                store(matrix, entry, coupled * load(matrix, entry))
        store(matrix, i * n + i, load(decay, i) if i < size else constant(ONE))


@compiled
def put_inverse(
    sc: Rows,
    first: Index,
    n: Index,
    reach: Lanes,
    decay: Lanes,
    matrix: Lanes,
    rows: Lanes,
    small: Lanes,
) -> None:
    """Build systems and put minus their inverse in their place."""
    put_system(sc, first, n, reach, decay, matrix)
    invert(matrix, n, rows[0], rows[1], small[0], small[1])


@compiled
def put_ones(vector: Lanes, size: Index, n: Index) -> None:
    """Fill with 1, and 0 where rows pad."""
    fill(vector, n, ZERO)
    fill(vector, size, ONE)


@compiled
def put_sum(x: Lanes, y: Lanes, share: np.float32, n: Index, result: Lanes) -> None:
    """Add a share of a vector to another."""
    for i in range(n):
        store(result, i, load(x, i) + load(y, i) * share)


@compiled
def add_to_all(x: Lanes, value: np.float32, n: Index, result: Lanes) -> None:
    """Add a number to a vector."""
    for i in range(n):
        store(result, i, load(x, i) + constant(value))


@compiled
def put_fc(
    matrix: Lanes,
    n: Index,
    slow: Lanes,
    power: Lanes,
    mix: Rows,
    regressed: bool,
    ones: Lanes,
    scaled: Lanes,
    slopes: Lanes,
    sd: Lanes,
    x: Lanes,
    fc: Lanes,
) -> None:
    """Turn (minus) the inverse of a system into FC and standard deviations.

    If the sum over regions is regressed out, also into slopes of regions on it.
    """
    scale_columns(matrix, n, slow, x, scaled)
    multiply(scaled, scaled, n, True, fc)
    for i in range(n):
        for j in range(i + U1):
            entry = i * n + j
            second = load(fc, entry)
            store(matrix, entry, second * mix[0] - load(matrix, entry))
            store(fc, entry, second * mix[1])
    scale_columns(fc, n, power, x, scaled)
    multiply(scaled, scaled, n, True, fc)
    scale_columns(matrix, n, power, x, scaled)
    add_products(scaled, scaled, n, n, True, fc)
    if regressed:
        times(fc, n, ones, x)
        total = dot(x, ones, n)
        for i in range(n):
            store(slopes, i, load(x, i) / total)
        regress(fc, n, slopes, x, ones)
    for i in range(n):
        store(sd, i, square_root(load(fc, i * n + i)))
    standardise(fc, n, sd, x)


@compiled
def regress(matrix: Lanes, n: Index, slopes: Lanes, rows: Lanes, ones: Lanes) -> None:
    """Take the sum over regions out of covariances whose row sums are known."""
    total = dot(rows, ones, n)
    for i in range(n):
        slope, row = load(slopes, i), load(rows, i)
        for j in range(i + U1):
            taken = slope * load(rows, j) + row * load(slopes, j)
            taken -= total * slope * load(slopes, j)
            store(matrix, i * n + j, load(matrix, i * n + j) - taken)


@compiled
def take_edges(fc: Lanes, first: Index, size: Index, n: Index, edges: Rows) -> None:
    """Copy upper triangles into rows of candidates."""
    filled = min(LANES, np.uint64(edges.shape[0]) - first)
    edge = U0
    for i in range(size):
        for j in range(i + U1, size):
            for lane in range(filled):
                edges[first + lane, edge] = fc[(i * n + j) * LANES + lane]
            edge += U1


@compiled
def describe_edges(fc: Lanes, size: Index, n: Index, numbers: Lanes) -> None:
    """Mean, variance and central moments of order three and four over edges."""
    n_edges = np.float32(size * (size - U1)) / TWO
    total = constant(ZERO)
    for i in range(size):
        for j in range(i):
            total += load(fc, i * n + j)
    mean = total / n_edges
    second, third, fourth = constant(ZERO), constant(ZERO), constant(ZERO)
    for i in range(size):
        for j in range(i):
            d = load(fc, i * n + j) - mean
            d2 = d * d
            second += d2
            third += d2 * d
            fourth += d2 * d2
    store(numbers, U0, mean)
    store(numbers, U1, second / n_edges)
    store(numbers, U2, third / n_edges)
    store(numbers, U3, fourth / n_edges)


@compiled
def describe_slowest_mode(
    matrix: Lanes, n: Index, mode: Lanes, moved: Lanes, share: Lanes, numbers: Lanes
) -> None:
    """Give two estimates of the slowest mode's time by minus an inverse, and shares.

    `mode` holds where the power iteration has come to.
    """
    scale_to_one(mode, n)
    times(matrix, n, mode, moved)
    store(numbers, U0, constant(ZERO) - dot(mode, moved, n))
    store(numbers, U1, square_root(dot(moved, moved, n)))
    for i in range(n):
        store(share, i, load(mode, i) * load(mode, i))


@compiled
def describe_first_mode(
    fc: Lanes,
    size: Index,
    n: Index,
    sd: Lanes,
    strength: Lanes,
    share: Lanes,
    mode: Lanes,
    numbers: Lanes,
) -> None:
    """Find the first mode of FC: shares of regions, and itself as covariances have it.

    Writes two numbers: mean square of the row sums, `strength`; largest eigenvalue.
    """
    store(numbers, U4, dot(strength, strength, n) / np.float32(size))
    times(fc, n, strength, share)
    scale_to_one(share, n)
    times(fc, n, share, mode)
    scale_to_one(mode, n)
    times(fc, n, mode, share)
    store(numbers, U5, dot(share, mode, n))
    for i in range(n):
        store(share, i, load(mode, i) * load(mode, i))
        store(mode, i, load(mode, i) * load(sd, i))
    scale_to_one(mode, n)


@compiled
def put_pattern(fc: Lanes, size: Index, n: Index, mean: Vector, pattern: Lanes) -> None:
    """Give what edges weigh in the pattern of FC, as changes of covariances.

    FC less its mean; on the diagonal what normalisation takes back.
    """
    for i in range(n):
        taken = constant(ZERO)
        for j in range(n):
            entry = i * n + j
            if i < size and j < size and i != j:
                r = load(fc, entry)
                taken += (r - mean) * r
                store(pattern, entry, r - mean)
            else:
                store(pattern, entry, constant(ZERO))
        store(pattern, i * n + i, constant(ZERO) - taken)


@compiled
def put_pattern_times_fc(
    fc: Lanes,
    square: Lanes,
    size: Index,
    n: Index,
    mean: Vector,
    pattern: Lanes,
    strength: Lanes,
    product: Lanes,
) -> None:
    """Multiply pattern and FC by help of the square of FC, which is known.

    The pattern is FC less the mean everywhere and less a diagonal.
    """
    for i in range(size):
        taken = constant(ONE) - mean - load(pattern, i * n + i)
        own = load(strength, i) * mean
        for j in range(i + U1):
            r, both = load(fc, i * n + j), load(square, i * n + j)
            back = constant(ONE) - mean - load(pattern, j * n + j)
            store(product, i * n + j, both - load(strength, j) * mean - taken * r)
            store(product, j * n + i, both - own - back * r)


@compiled
def describe_noise(
    fc: Lanes,
    view: Lanes,
    square: Lanes,
    size: Index,
    n: Index,
    strength: Lanes,
    numbers: Lanes,
    at: Index,
) -> None:
    """Describe the noise of windowed FC whose signals have a given covariance.

    Edge ij of FC in a window scatters by ``dC_ij - r_ij (dC_ii + dC_jj) / 2``, and
    covariances of windowed covariances are ``X_ik X_jl + X_il X_jk`` for normal
    signals of covariance X (`view`, whole; `square` is X^2).

    Writes six of seven numbers: mean variance over edges; (the variance along the
    pattern of FC, trace of the square of the pattern times X, is left to others);
    traces of X to X^4; variance of the mean over edges.
    """
    n_edges = np.float32(size * (size - U1)) / TWO
    noise, trace, trace2 = constant(ZERO), constant(ZERO), constant(ZERO)
    whole, of_mean = constant(ZERO), constant(ZERO)
    for i in range(size):
        xi, gi, total = load(view, i * n + i), load(strength, i), constant(ZERO)
        trace += xi
        for j in range(size):
            xj, gj = load(view, j * n + j), load(strength, j)
            x, r = load(view, i * n + j), load(fc, i * n + j)
            x2 = x * x
            total += x
            trace2 += x2
            of_mean += gi * gj * x2
            # An edge of a region with itself has r = 1 and no variance.
            both = (xi * xi + xj * xj) * HALF + x2
            noise += xi * xj + x2 + r * r * both - TWO * r * x * (xi + xj)
        whole += total
        of_mean -= TWO * gi * total * total
    store(numbers, at, noise * (HALF / n_edges))
    store(numbers, at + U2, trace)
    store(numbers, at + U3, trace2)
    store(numbers, at + U4, trace_of_product(square, view, n))
    store(numbers, at + U5, trace_of_product(square, square, n))
    of_mean = fused(whole, whole, of_mean)
    store(numbers, at + U6, of_mean * (HALF / (n_edges * n_edges)))
