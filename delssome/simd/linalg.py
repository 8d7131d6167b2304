"""Linear algebra of small matrices, compiled: one of them in every lane of a vector.

A matrix of a few dozen rows is too small for LAPACK to be fast with it. Here, entry
(i, j) of as many matrices stands together in memory, so that every operation is one
vector instruction, whatever the number of rows, and symmetry halves the work.
Symmetric matrices are read and written as their lower triangle unless said. Rows are
padded to a multiple of four; indices are unsigned and count vectors.

For compiled code to call: what is called from Python is compiled with it, and kept.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from delssome.simd.functions import INTERNAL
from delssome.simd.vectors import (
    WIDTH,
    constant,
    larger,
    load,
    smaller,
    square_root,
    store,
)

__all__ = [
    "OPTIONS",
    "Index",
    "Lanes",
    "Rows",
    "Vector",
    "add_products",
    "dot",
    "fill",
    "invert",
    "multiply",
    "put_in_lanes",
    "scale_columns",
    "scale_to_one",
    "square_times",
    "standardise",
    "take_from_lanes",
    "times",
    "trace_of_product",
    "trace_of_square",
    "workspace",
]

# Vectors one after the other; plain rows of candidates; one vector; an unsigned number.
Lanes: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = Any
Index: TypeAlias = Any

U0, U1, U2, U3, U4, U5, U6, U7, U8, U9, U10 = (np.uint64(k) for k in range(11))
# Numbers of a vector, and of a line of the cache.
LANES, LINE = np.uint64(WIDTH), np.uint64(16)
ZERO, HALF, ONE, TWO, SMALL = (np.float32(x) for x in (0, 0.5, 1, 2, 1e-15))
INFINITE = np.float32(np.inf)
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
compiled = njit(**OPTIONS, **INTERNAL)


@compiled
def workspace(n_rows: Index, n_vectors: Index) -> Any:
    """Allocate rows of vectors that do not straddle lines of the cache."""
    length = n_vectors * LANES
    memory = np.empty(n_rows * length + LINE, dtype=np.float32)
    misplaced = np.uint64(memory.ctypes.data) // U4 % LINE
    start = (LINE - misplaced) % LINE
    return memory[start : start + n_rows * length].reshape(n_rows, length)


@compiled
def fill(vectors: Lanes, n: Index, value: np.float32) -> None:
    """Put one number everywhere; a slice would compile checks of its shape."""
    for i in range(n):
        store(vectors, i, constant(value))


@compiled
def put_in_lanes(values: Rows, first: Index, n: Index, vectors: Lanes) -> None:
    """Copy rows of candidates into lanes; the last one fills idle lanes."""
    count, size = np.uint64(values.shape[0]), np.uint64(values.shape[1])
    for lane in range(LANES):
        which = min(first + lane, count - U1)
        for i in range(n):
            value = values[which, i] if i < size else ZERO
            vectors[i * LANES + lane] = value


@compiled
def take_from_lanes(vectors: Lanes, first: Index, values: Rows) -> None:
    """Copy lanes into rows of candidates."""
    count, size = np.uint64(values.shape[0]), np.uint64(values.shape[1])
    for lane in range(min(LANES, count - first)):
        for i in range(size):
            values[first + lane, i] = vectors[i * LANES + lane]


@compiled
def pivot(matrix: Lanes, k: Index, n: Index, block: Lanes, smallest: Lanes) -> None:
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
def take_rows(matrix: Lanes, k: Index, n: Index, rows: Lanes) -> None:
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
def divide(rows: Lanes, n: Index, block: Lanes, divided: Lanes) -> None:
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
def add_square(
    product: Lanes,
    n: Index,
    left: Lanes,
    right: Lanes,
    depth: Index,
    i: Index,
    j: Index,
) -> None:
    """Add rows i.. of one matrix times rows j.. of another to a tile of 4 x 4.

    It takes 21 of 32 registers.
    """
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
def add_oblong(
    product: Lanes,
    n: Index,
    left: Lanes,
    right: Lanes,
    depth: Index,
    i: Index,
    j: Index,
) -> None:
    """Add rows i.. of one matrix times rows j.. of another to a tile of 2 x 4.

    It takes 13 of 16 registers.
    """
    p0 = i * n + j
    p1 = p0 + n
    s00, s01 = load(product, p0), load(product, p0 + U1)
    s02, s03 = load(product, p0 + U2), load(product, p0 + U3)
    s10, s11 = load(product, p1), load(product, p1 + U1)
    s12, s13 = load(product, p1 + U2), load(product, p1 + U3)
    l0, r0 = i * depth, j * depth
    l1 = l0 + depth
    r1, r2, r3 = r0 + depth, r0 + U2 * depth, r0 + U3 * depth
    for k in range(depth):
        b0, b1 = load(right, r0 + k), load(right, r1 + k)
        b2, b3 = load(right, r2 + k), load(right, r3 + k)
        a = load(left, l0 + k)
        s00, s01, s02, s03 = s00 + a * b0, s01 + a * b1, s02 + a * b2, s03 + a * b3
        a = load(left, l1 + k)
        s10, s11, s12, s13 = s10 + a * b0, s11 + a * b1, s12 + a * b2, s13 + a * b3
    for p, first, second, third, fourth in (
        (p0, s00, s01, s02, s03),
        (p1, s10, s11, s12, s13),
    ):
        store(product, p, first)
        store(product, p + U1, second)
        store(product, p + U2, third)
        store(product, p + U3, fourth)


# Rows of the tile that fits into the registers, which grow in number with their width.
TILE, add_tile = (U4, add_square) if WIDTH == 16 else (U2, add_oblong)


@compiled
def add_products(
    left: Lanes, right: Lanes, depth: Index, n: Index, triangle: bool, product: Lanes
) -> None:
    """Add a matrix times the transpose of another; to the triangle only, if so."""
    for i in range(U0, n, TILE):
        for j in range(U0, i // U4 * U4 + U4 if triangle else n, U4):
            add_tile(product, n, left, right, depth, i, j)


@compiled
def multiply(
    left: Lanes, right: Lanes, n: Index, triangle: bool, product: Lanes
) -> None:
    """Multiply a matrix with the transpose of another; the triangle only, if so."""
    fill(product, n * n, ZERO)
    add_products(left, right, n, n, triangle, product)


@compiled
def invert(
    matrix: Lanes, n: Index, rows: Lanes, divided: Lanes, block: Lanes, smallest: Lanes
) -> None:
    """Put minus the inverse in a matrix's place, by Gauss and Jordan.

    The smallest pivot is above 0 where the matrix is positive definite; elsewhere the
    result means nothing.
    """
    fill(smallest, U1, INFINITE)
    for k in range(U0, n, U4):
        pivot(matrix, k, n, block, smallest)
        take_rows(matrix, k, n, rows)
        divide(rows, n, block, divided)
        add_products(divided, rows, U4, n, True, matrix)


@compiled
def times(matrix: Lanes, n: Index, x: Lanes, result: Lanes) -> None:
    """Multiply a symmetric matrix with a vector."""
    for i in range(n):
        own, total = load(x, i), load(matrix, i * n + i) * load(x, i)
        for j in range(i):
            entry = load(matrix, i * n + j)
            total += entry * load(x, j)
            store(result, j, load(result, j) + entry * own)
        store(result, i, total)


@compiled
def square_times(matrix: Lanes, n: Index, x: Lanes, result: Lanes) -> None:
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
def dot(left: Lanes, right: Lanes, n: Index) -> Vector:
    """Scalar product of vectors."""
    total = constant(ZERO)
    for i in range(n):
        total += load(left, i) * load(right, i)
    return total


@compiled
def trace_of_product(left: Lanes, right: Lanes, n: Index) -> Vector:
    """Trace of the product of two symmetric matrices."""
    total, diagonal = constant(ZERO), constant(ZERO)
    for i in range(n):
        for j in range(i):
            total += load(left, i * n + j) * load(right, i * n + j)
        diagonal += load(left, i * n + i) * load(right, i * n + i)
    return diagonal + total * TWO


@compiled
def trace_of_square(matrix: Lanes, size: Index, n: Index) -> Vector:
    """Trace of the square of any matrix."""
    total = constant(ZERO)
    for i in range(size):
        for j in range(size):
            total += load(matrix, i * n + j) * load(matrix, j * n + i)
    return total


@compiled
def scale_to_one(x: Lanes, n: Index) -> None:
    """Scale a vector to length 1."""
    scale = ONE / square_root(dot(x, x, n))
    for i in range(n):
        store(x, i, load(x, i) * scale)


@compiled
def scale_columns(
    matrix: Lanes, n: Index, variance: Lanes, root: Lanes, scaled: Lanes
) -> None:
    """Multiply columns with the roots of some variances, and fill both triangles."""
    for i in range(n):
        own = square_root(load(variance, i))
        store(root, i, own)
        for j in range(i + U1):
            entry = load(matrix, i * n + j)
            store(scaled, i * n + j, entry * load(root, j))
            store(scaled, j * n + i, entry * own)


@compiled
def standardise(covariance: Lanes, n: Index, sd: Lanes, inverse_sd: Lanes) -> None:
    """Divide a covariance by standard deviations, and fill both triangles."""
    for i in range(n):
        # Rows that pad have no variance; no product of theirs may overflow.
        own = ONE / larger(load(sd, i), constant(SMALL))
        store(inverse_sd, i, own)
        for j in range(i + U1):
            entry = load(covariance, i * n + j) * own * load(inverse_sd, j)
            store(covariance, i * n + j, entry)
            store(covariance, j * n + i, entry)
