"""Linear algebra of circuits, compiled: sixteen candidates in the lanes of a vector.

A matrix of a few dozen regions is too small for LAPACK to be fast with it. Here, entry
(i, j) of sixteen matrices stands together in memory, so that every operation is one
vector instruction, whatever the number of regions, and symmetry halves the work.
Symmetric matrices are read and written as their lower triangle unless said. Regions are
padded to a multiple of four; indices are unsigned and count vectors.

Numba keeps compiled code until this file changes, whatever others do.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import logging
from pathlib import Path

import numpy as np
from numba import njit

from delssome.surrogate.vectors import (
    WIDTH,
    constant,
    larger,
    load,
    smaller,
    square_root,
    store,
)

__all__ = ["announce", "at_frequency_zero", "describe"]

logger = logging.getLogger("delssome")

U0, U1, U2, U3, U4, U5, U6, U7, U8, U9, U10 = (np.uint64(k) for k in range(11))
LANES = np.uint64(WIDTH)
ZERO, HALF, ONE, TWO, SMALL = (np.float32(x) for x in (0, 0.5, 1, 2, 1e-15))
compiled = njit(nogil=True, cache=True, error_model="numpy")


@compiled
def workspace(n_rows, n_vectors):
    """Allocate rows of vectors that do not straddle lines of the cache."""
    length = n_vectors * LANES
    memory = np.empty(n_rows * length + LANES, dtype=np.float32)
    misplaced = np.uint64(memory.ctypes.data) % np.uint64(64)
    start = (np.uint64(64) - misplaced) // U4 % LANES
    return memory[start : start + n_rows * length].reshape(n_rows, length)


@compiled
def put_in_lanes(values, first, n, vectors):
    """Copy rows of candidates into lanes; the last one fills idle lanes."""
    count, size = np.uint64(values.shape[0]), np.uint64(values.shape[1])
    for lane in range(LANES):
        which = min(first + lane, count - U1)
        for i in range(n):
            value = values[which, i] if i < size else ZERO
            vectors[i * LANES + lane] = value


@compiled
def take_from_lanes(vectors, first, values):
    """Copy lanes into rows of candidates."""
    count, size = np.uint64(values.shape[0]), np.uint64(values.shape[1])
    for lane in range(min(LANES, count - first)):
        for i in range(size):
            values[first + lane, i] = vectors[i * LANES + lane]


@compiled
def put_system(sc, first, count, n, reach, decay, matrix):
    """Build systems: minus coupling between regions, decay on the diagonal."""
    size, shared = np.uint64(sc.shape[1]), len(sc) == 1
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
def pivot(matrix, k, n, block, smallest):
    """Invert the block of four rows at k; note the smallest pivot met so far."""
    a0 = k * n + k
    a1, a2, a3 = a0 + n, a0 + U2 * n, a0 + U3 * n
    # Factors L D L^T, then the inverse M of L.
    a10, a20, a30 = load(matrix, a1), load(matrix, a2), load(matrix, a3)
    d0 = load(matrix, a0)
    p0 = ONE / d0
    l10, l20, l30 = a10 * p0, a20 * p0, a30 * p0
    d1 = load(matrix, a1 + U1) - l10 * a10
    p1 = ONE / d1
    a21 = load(matrix, a2 + U1) - l20 * a10
    a31 = load(matrix, a3 + U1) - l30 * a10
    l21, l31 = a21 * p1, a31 * p1
    d2 = load(matrix, a2 + U2) - l20 * a20 - l21 * a21
    p2 = ONE / d2
    a32 = load(matrix, a3 + U2) - l30 * a20 - l31 * a21
    l32 = a32 * p2
    d3 = load(matrix, a3 + U3) - l30 * a30 - l31 * a31 - l32 * a32
    p3 = ONE / d3
    # What is not a number, as after a pivot of 0, never takes the place of one.
    least = smaller(d3, smaller(d2, smaller(d1, d0)))
    store(smallest, U0, smaller(least, load(smallest, U0)))
    m20 = l21 * l10 - l20
    m31 = l32 * l21 - l31
    m30 = l31 * l10 - l30 - l32 * m20
    store(block, U0, p0 + l10 * l10 * p1 + m20 * m20 * p2 + m30 * m30 * p3)
    store(block, U1, m30 * m31 * p3 - m20 * l21 * p2 - l10 * p1)
    store(block, U2, p1 + l21 * l21 * p2 + m31 * m31 * p3)
    store(block, U3, m20 * p2 - m30 * l32 * p3)
    store(block, U4, constant(ZERO) - l21 * p2 - m31 * l32 * p3)
    store(block, U5, p2 + l32 * l32 * p3)
    store(block, U6, m30 * p3)
    store(block, U7, m31 * p3)
    store(block, U8, constant(ZERO) - l32 * p3)
    store(block, U9, p3)


@compiled
def take_rows(matrix, k, n, rows):
    """Take out four rows and columns at k and leave 0; minus 1 stands for the block."""
    for i in range(n):
        source, step = (k * n + i, n) if i < k else (i * n + k, U1)
        for row in range(U4):
            store(rows, i * U4 + row, load(matrix, source + row * step))
            store(matrix, source + row * step, constant(ZERO))
    for i in range(U4):
        for row in range(U4):
            store(rows, (k + i) * U4 + row, constant(-ONE if i == row else ZERO))


@compiled
def divide(rows, n, block, divided):
    """Multiply four rows with minus the inverse of their block."""
    i0, i1, i2 = load(block, U0), load(block, U1), load(block, U2)
    i3, i4, i5 = load(block, U3), load(block, U4), load(block, U5)
    i6, i7, i8 = load(block, U6), load(block, U7), load(block, U8)
    i9 = load(block, U9)
    for i in range(n):
        r = i * U4
        x0, x1 = load(rows, r), load(rows, r + U1)
        x2, x3 = load(rows, r + U2), load(rows, r + U3)
        zero = constant(ZERO)
        store(divided, r, zero - i0 * x0 - i1 * x1 - i3 * x2 - i6 * x3)
        store(divided, r + U1, zero - i1 * x0 - i2 * x1 - i4 * x2 - i7 * x3)
        store(divided, r + U2, zero - i3 * x0 - i4 * x1 - i5 * x2 - i8 * x3)
        store(divided, r + U3, zero - i6 * x0 - i7 * x1 - i8 * x2 - i9 * x3)


@compiled
def add_tile(product, n, left, right, depth, i, j):
    """Add rows i.. of one matrix times rows j.. of another to a tile of 4 x 4."""
    p0 = i * n + j
    p1, p2, p3 = p0 + n, p0 + U2 * n, p0 + U3 * n
    s00, s01 = load(product, p0), load(product, p0 + U1)
    s02, s03 = load(product, p0 + U2), load(product, p0 + U3)
    s10, s11 = load(product, p1), load(product, p1 + U1)
    s12, s13 = load(product, p1 + U2), load(product, p1 + U3)
    s20, s21 = load(product, p2), load(product, p2 + U1)
    s22, s23 = load(product, p2 + U2), load(product, p2 + U3)
    s30, s31 = load(product, p3), load(product, p3 + U1)
    s32, s33 = load(product, p3 + U2), load(product, p3 + U3)
    l0, r0 = i * depth, j * depth
    l1, l2, l3 = l0 + depth, l0 + U2 * depth, l0 + U3 * depth
    r1, r2, r3 = r0 + depth, r0 + U2 * depth, r0 + U3 * depth
    for k in range(depth):
        b0, b1 = load(right, r0 + k), load(right, r1 + k)
        b2, b3 = load(right, r2 + k), load(right, r3 + k)
        a = load(left, l0 + k)
        s00, s01, s02, s03 = s00 + a * b0, s01 + a * b1, s02 + a * b2, s03 + a * b3
        a = load(left, l1 + k)
        s10, s11, s12, s13 = s10 + a * b0, s11 + a * b1, s12 + a * b2, s13 + a * b3
        a = load(left, l2 + k)
        s20, s21, s22, s23 = s20 + a * b0, s21 + a * b1, s22 + a * b2, s23 + a * b3
        a = load(left, l3 + k)
        s30, s31, s32, s33 = s30 + a * b0, s31 + a * b1, s32 + a * b2, s33 + a * b3
    for p, first, second, third, fourth in (
        (p0, s00, s01, s02, s03),
        (p1, s10, s11, s12, s13),
        (p2, s20, s21, s22, s23),
        (p3, s30, s31, s32, s33),
    ):
        store(product, p, first)
        store(product, p + U1, second)
        store(product, p + U2, third)
        store(product, p + U3, fourth)


@compiled
def add_products(left, right, depth, n, triangle, product):
    """Add a matrix times the transpose of another; to the triangle only, if so."""
    for i in range(U0, n, U4):
        for j in range(U0, i + U4 if triangle else n, U4):
            add_tile(product, n, left, right, depth, i, j)


@compiled
def multiply(left, right, n, triangle, product):
    """Multiply a matrix with the transpose of another; the triangle only, if so."""
    product[:] = ZERO
    add_products(left, right, n, n, triangle, product)


@compiled
def invert(matrix, n, rows, divided, block, smallest):
    """Put minus the inverse in a matrix's place, by Gauss and Jordan.

    The smallest pivot is above 0 where the matrix is positive definite; elsewhere the
    result means nothing.
    """
    smallest[:] = np.inf
    for k in range(U0, n, U4):
        pivot(matrix, k, n, block, smallest)
        take_rows(matrix, k, n, rows)
        divide(rows, n, block, divided)
        add_products(divided, rows, U4, n, True, matrix)


@compiled
def times(matrix, n, x, result):
    """Multiply a symmetric matrix with a vector."""
    for i in range(n):
        own, total = load(x, i), load(matrix, i * n + i) * load(x, i)
        for j in range(i):
            entry = load(matrix, i * n + j)
            total += entry * load(x, j)
            store(result, j, load(result, j) + entry * own)
        store(result, i, total)


@compiled
def square_times(matrix, n, x, result):
    """Multiply the squares of the entries of a symmetric matrix with a vector."""
    for i in range(n):
        own, entry = load(x, i), load(matrix, i * n + i)
        total = entry * entry * own
        for j in range(i):
            entry = load(matrix, i * n + j)
            entry *= entry
            total += entry * load(x, j)
            store(result, j, load(result, j) + entry * own)
        store(result, i, total)


@compiled
def dot(left, right, n):
    """Scalar product of vectors."""
    total = constant(ZERO)
    for i in range(n):
        total += load(left, i) * load(right, i)
    return total


@compiled
def trace_of_product(left, right, n):
    """Trace of the product of two symmetric matrices."""
    total, diagonal = constant(ZERO), constant(ZERO)
    for i in range(n):
        for j in range(i):
            total += load(left, i * n + j) * load(right, i * n + j)
        diagonal += load(left, i * n + i) * load(right, i * n + i)
    return diagonal + total * TWO


@compiled
def scale_to_one(x, n):
    """Scale a vector to length 1."""
    scale = ONE / square_root(dot(x, x, n))
    for i in range(n):
        store(x, i, load(x, i) * scale)


@compiled
def at_frequency_zero(sc, reach, decay, power, smallest, sums, regions, mode):
    """Describe the response of circuits to slow inputs, by the inverse of the system.

    Parameters
    ----------
    sc : ndarray of shape (1 or n, n_rois, n_rois)
    reach, decay, power : ndarray of shape (n, n_rois)
        The system is decay on the diagonal less ``reach_i sc_ij reach_j``; power is
        that of the noise.
    smallest : ndarray of shape (n, 1)
        Filled with the smallest pivot, above 0 where the system is stable.
    sums : ndarray of shape (n, n_rois)
        Filled with the row sums of the system.
    regions : ndarray of shape (4, n, n_rois)
        Filled with the variances of regions, the diagonal of the inverse, its row
        sums, and the share of regions in the slowest mode (squares, sum 1).
    mode : ndarray of shape (n, 2)
        Filled with two estimates of the slowest mode's time (s).
    """
    count, size = np.uint64(decay.shape[0]), np.uint64(decay.shape[1])
    n = (size + U3) // U4 * U4
    matrix = workspace(U1, n * n)[0]
    rows, divided = workspace(U2, n * U4)
    x, y, z, ones = workspace(U4, n)
    block, found = workspace(U2, U10)
    ones[:] = ZERO
    ones[: size * LANES] = ONE
    for first in range(U0, count, LANES):
        put_in_lanes(reach, first, n, x)
        put_in_lanes(decay, first, n, y)
        put_system(sc, first, count, n, x, y, matrix)
        times(matrix, n, ones, x)
        take_from_lanes(x, first, sums)
        invert(matrix, n, rows, divided, block, found)
        take_from_lanes(found, first, smallest)
        put_in_lanes(power, first, n, x)
        square_times(matrix, n, x, y)
        take_from_lanes(y, first, regions[0])
        # The matrix is minus the inverse: twice it is the inverse twice.
        for i in range(n):
            store(x, i, constant(ZERO) - load(matrix, i * n + i))
        take_from_lanes(x, first, regions[1])
        times(matrix, n, ones, x)
        times(matrix, n, x, y)
        for i in range(n):
            store(x, i, constant(ZERO) - load(x, i))
        take_from_lanes(x, first, regions[2])
        scale_to_one(y, n)
        times(matrix, n, y, z)
        store(found, U0, constant(ZERO) - dot(y, z, n))
        store(found, U1, square_root(dot(z, z, n)))
        take_from_lanes(found, first, mode)
        for i in range(n):
            store(x, i, load(y, i) * load(y, i))
        take_from_lanes(x, first, regions[3])


@compiled
def scale_columns(matrix, n, variance, root, scaled):
    """Multiply columns with the roots of some variances, and fill both triangles."""
    for i in range(n):
        own = square_root(load(variance, i))
        store(root, i, own)
        for j in range(i + U1):
            entry = load(matrix, i * n + j)
            store(scaled, i * n + j, entry * load(root, j))
            store(scaled, j * n + i, entry * own)


@compiled
def standardise(covariance, n, sd, inverse_sd):
    """Divide a covariance by standard deviations, and fill both triangles."""
    for i in range(n):
        # Rows that pad have no variance; no product of theirs may overflow.
        own = ONE / larger(load(sd, i), constant(SMALL))
        store(inverse_sd, i, own)
        for j in range(i + U1):
            entry = load(covariance, i * n + j) * own * load(inverse_sd, j)
            store(covariance, i * n + j, entry)
            store(covariance, j * n + i, entry)


@compiled
def put_fc(matrix, n, slow, power, mix, scaled, sd, x, fc):
    """Turn (minus) the inverse of a system into FC and standard deviations."""
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
    for i in range(n):
        store(sd, i, square_root(load(fc, i * n + i)))
    standardise(fc, n, sd, x)


@compiled
def describe_edges(fc, size, n, numbers):
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
def put_pattern(fc, size, n, mean, pattern):
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
def put_pattern_times_fc(fc, square, size, n, mean, pattern, strength, product):
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
def trace_of_square(matrix, size, n):
    """Trace of the square of any matrix."""
    total = constant(ZERO)
    for i in range(size):
        for j in range(size):
            total += load(matrix, i * n + j) * load(matrix, j * n + i)
    return total


@compiled
def describe_noise(fc, view, square, size, n, strength, numbers, at):
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
    store(numbers, at + U6, (of_mean + whole * whole) * (HALF / (n_edges * n_edges)))


@compiled
def describe(
    sc, reach, decay, slow, power, mix, rates, edges, deviations, shares, numbers
):
    """Give FC of circuits and describe it.

    Parameters
    ----------
    sc, reach, decay
        As of :func:`at_frequency_zero`.
    slow : ndarray of shape (n, n_rois)
        Added to decay: makes the inverse K nearly that of the whole band of BOLD.
    power : ndarray of shape (n, n_rois)
        Of the noise.
    mix : ndarray of shape (2,)
        With ``V = K slow K`` and ``U = K + mix[0] V``, covariances are ``U power U +
        mix[1]**2 V power V``.
    rates : ndarray of shape (2,)
        Share of `slow`, and a rate (1/s), with which two other inverses see the slow
        and the fast part of that band.
    edges : ndarray of shape (n, n_edges)
        Filled with FC, upper triangle.
    deviations, shares : ndarray of shape (n, n_rois)
        Filled with standard deviations, and shares of regions in the first mode of FC.
    numbers : ndarray of shape (n, 30)
        Filled with mean, variance, third and fourth moment over edges; mean square of
        the row sums; the largest eigenvalue; decay of its mode; traces of FC and
        of its square with the system; then, for FC and the two other views of its
        signals, the numbers of :func:`describe_noise`.
    """
    count, size = np.uint64(decay.shape[0]), np.uint64(decay.shape[1])
    n = (size + U3) // U4 * U4
    matrix, fc, view, pattern, work = workspace(U5, n * n)
    rows, divided = workspace(U2, n * U4)
    own_reach, own_decay, own_slow, own_power = workspace(U4, n)
    sd, strength, x, y, ones = workspace(U5, n)
    block, smallest = workspace(U2, U10)
    found = workspace(U1, np.uint64(30))[0]
    ones[:] = ZERO
    ones[: size * LANES] = ONE
    for first in range(U0, count, LANES):
        filled = min(LANES, count - first)
        put_in_lanes(reach, first, n, own_reach)
        put_in_lanes(decay, first, n, own_decay)
        put_in_lanes(slow, first, n, own_slow)
        put_in_lanes(power, first, n, own_power)
        for i in range(n):
            store(x, i, load(own_decay, i) + load(own_slow, i))
        put_system(sc, first, count, n, own_reach, x, matrix)
        invert(matrix, n, rows, divided, block, smallest)
        put_fc(matrix, n, own_slow, own_power, mix, view, sd, x, fc)
        take_from_lanes(sd, first, deviations)
        edge = U0
        for i in range(size):
            for j in range(i + U1, size):
                for lane in range(filled):
                    edges[first + lane, edge] = fc[(i * n + j) * LANES + lane]
                edge += U1

        describe_edges(fc, size, n, found)
        times(fc, n, ones, strength)
        row_square = dot(strength, strength, n) / np.float32(size)
        store(found, U4, row_square)
        # First mode of FC, and how fast it decays.
        times(fc, n, strength, x)
        scale_to_one(x, n)
        times(fc, n, x, y)
        scale_to_one(y, n)
        times(fc, n, y, x)
        store(found, U5, dot(x, y, n))
        for i in range(n):
            store(x, i, load(y, i) * load(y, i))
            store(y, i, load(y, i) * load(sd, i))
        take_from_lanes(x, first, shares)
        scale_to_one(y, n)
        put_system(sc, first, count, n, own_reach, own_decay, view)
        times(view, n, y, x)
        store(found, U6, dot(x, y, n))
        # Rows that pad are 0 in FC, and so in its square.
        store(found, U7, trace_of_product(view, fc, n))
        multiply(fc, fc, n, True, work)
        store(found, U8, trace_of_product(view, work, n))

        mean = load(found, U0)
        put_pattern(fc, size, n, mean, pattern)
        describe_noise(fc, fc, work, size, n, strength, found, U9)
        put_pattern_times_fc(fc, work, size, n, mean, pattern, strength, matrix)
        store(found, U10, trace_of_square(matrix, size, n))
        for which in range(2):
            for i in range(n):
                if which == 0:
                    added = load(own_slow, i) * rates[0]
                else:
                    added = constant(rates[1])
                store(x, i, load(own_decay, i) + added)
            put_system(sc, first, count, n, own_reach, x, matrix)
            invert(matrix, n, rows, divided, block, smallest)
            scale_columns(matrix, n, own_power, x, work)
            multiply(work, work, n, True, view)
            standardise(view, n, sd, x)
            multiply(view, view, n, True, work)
            at = U9 + U7 * np.uint64(which + 1)
            describe_noise(fc, view, work, size, n, strength, found, at)
            multiply(pattern, view, n, False, work)
            store(found, at + U1, trace_of_square(work, size, n))
        take_from_lanes(found, first, numbers)


def announce():
    """Say that the first call of a new installation compiles, before it does."""
    folder = Path(describe.stats.cache_path)
    if not (describe.signatures or any(folder.glob("compiled.describe-*.nbc"))):
        logger.info(
            "Compiling the linear algebra of the network: some seconds, once; it is "
            "kept in %s.",
            folder,
        )
