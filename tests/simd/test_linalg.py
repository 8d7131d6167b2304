import numpy as np
import pytest
from numba import njit

from delssome.simd.linalg import (
    LANES,
    OPTIONS,
    U0,
    U2,
    U4,
    U10,
    dot,
    invert,
    multiply,
    put_in_lanes,
    scale_columns,
    scale_to_one,
    square_times,
    standardise,
    take_from_lanes,
    times,
    trace_of_product,
    trace_of_square,
    workspace,
)
from delssome.simd.vectors import load, store

# Single precision, and sums over a few hundred products.
RTOL = 1e-4


@njit(**OPTIONS)
def run(matrices, x, inverse, pivots, products, squared, vectors, numbers):
    """Put everything that the module does through lanes."""
    count, n = np.uint64(matrices.shape[0]), np.uint64(x.shape[1])
    matrix, other, full = workspace(np.uint64(3), n * n)
    rows, divided = workspace(U2, n * U4)
    block, found = workspace(U2, U10)
    vector, result, root, scale = workspace(np.uint64(4), n)
    for first in range(U0, count, LANES):
        put_in_lanes(matrices, first, n * n, matrix)
        put_in_lanes(x, first, n, vector)
        times(matrix, n, vector, result)
        take_from_lanes(result, first, vectors[0])
        square_times(matrix, n, vector, result)
        take_from_lanes(result, first, vectors[1])
        store(found, U0, dot(vector, result, n))
        scale_columns(matrix, n, vector, root, full)
        store(found, np.uint64(1), trace_of_square(full, n, n))
        multiply(full, full, n, False, other)
        take_from_lanes(other, first, squared)
        multiply(full, full, n, True, other)
        store(found, np.uint64(2), trace_of_product(matrix, other, n))
        for i in range(n):
            store(scale, i, np.float32(2) * load(vector, i))
        standardise(other, n, scale, root)
        take_from_lanes(other, first, products)
        take_from_lanes(found, first, numbers)
        scale_to_one(vector, n)
        take_from_lanes(vector, first, vectors[2])
        invert(matrix, n, rows, divided, block, found)
        take_from_lanes(matrix, first, inverse)
        take_from_lanes(found, first, pivots)


@pytest.fixture(scope="module", params=[(5, 4), (16, 12), (19, 24)])
def found(request):
    """Matrices whose number does not fill lanes, and what the module makes of them."""
    n, size = request.param
    rng = np.random.default_rng(size)
    matrices = rng.uniform(-1.0, 0.0, (n, size, size)).astype(np.float32)
    matrices += np.swapaxes(matrices, 1, 2)
    matrices += 2 * size * np.eye(size, dtype=np.float32)
    matrices[-1] -= 4 * size * np.eye(size, dtype=np.float32)  # not positive definite
    x = rng.uniform(0.5, 1.0, (n, size)).astype(np.float32)
    # The upper triangle of symmetric matrices is not looked at.
    triangles = np.tril(matrices) + np.triu(np.full_like(matrices, np.nan), 1)
    flat = triangles.reshape(n, -1)
    shapes = flat.shape, (n, 1), flat.shape, flat.shape, (3, *x.shape), (n, 3)
    out = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    run(flat, x, *out)
    return matrices.astype(float), x.astype(float), *out


def lower(flat, size):
    """The lower triangles of matrices."""
    return np.tril(flat.reshape(-1, size, size))


def test_the_inverse_is_minus_that_of_the_matrix(found):
    matrices, x, inverse, pivots, *_ = found
    size = x.shape[1]
    expected = -np.linalg.inv(matrices[:-1])
    np.testing.assert_allclose(
        lower(inverse, size)[:-1], np.tril(expected), rtol=RTOL, atol=1e-6
    )
    assert (pivots[:-1] > 0).all()
    assert not pivots[-1] > 0


def test_products_are_those_of_matrices(found):
    matrices, x, _, _, products, squared, *_ = found
    scaled = matrices * np.sqrt(x)[:, None]
    product = scaled @ np.swapaxes(scaled, 1, 2)
    np.testing.assert_allclose(
        squared.reshape(product.shape), product, rtol=RTOL, atol=1e-3
    )
    # Of its triangle, both are filled.
    product /= 4 * x[:, :, None] * x[:, None, :]
    np.testing.assert_allclose(
        products.reshape(product.shape), product, rtol=RTOL, atol=1e-3
    )


def test_vectors_and_traces_are_those_of_matrices(found):
    matrices, x, *_, vectors, numbers = found
    expected = [
        (matrices @ x[..., None])[..., 0],
        (matrices**2 @ x[..., None])[..., 0],
        x / np.linalg.norm(x, axis=1, keepdims=True),
    ]
    np.testing.assert_allclose(vectors, expected, rtol=RTOL, atol=1e-4)
    scaled = matrices * np.sqrt(x)[:, None]
    product = scaled @ np.swapaxes(scaled, 1, 2)
    traces = [
        (x * expected[1]).sum(axis=1),
        np.trace(scaled @ scaled, axis1=1, axis2=2),
        np.trace(matrices @ product, axis1=1, axis2=2),
    ]
    np.testing.assert_allclose(numbers.T, traces, rtol=RTOL)


@njit
def make_workspace(n_rows, n_vectors):
    return workspace(n_rows, n_vectors)


def test_rows_of_vectors_do_not_straddle_lines_of_the_cache():
    for n_rows, n_vectors in ((1, 1), (3, 5), (2, 64)):
        rows = make_workspace(np.uint64(n_rows), np.uint64(n_vectors))
        assert rows.shape == (n_rows, int(LANES) * n_vectors)
        assert rows.ctypes.data % 64 == 0
