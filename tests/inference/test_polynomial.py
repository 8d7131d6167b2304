import numpy as np
import pytest

from delssome.inference.polynomial import Polynomial


def cubic(x):
    return np.stack([x[:, 0] ** 3 - x[:, 1], x[:, 0] * x[:, 1] * x[:, 2]], axis=1)


@pytest.fixture
def points(rng):
    return rng.normal(size=(200, 3))


def test_a_polynomial_of_its_degree_is_exact_with_slopes(points, rng):
    polynomial = Polynomial(points, cubic(points))
    new = rng.normal(size=(7, 3))
    values, slopes = polynomial.with_slopes(new)
    np.testing.assert_allclose(values, cubic(new), atol=1e-10)
    np.testing.assert_allclose(polynomial(new), values)
    x, y, z = new.T
    np.testing.assert_allclose(
        slopes[:, 0], np.stack([3 * x**2, -np.ones(7), np.zeros(7)], axis=1), atol=1e-9
    )
    np.testing.assert_allclose(
        slopes[:, 1], np.stack([y * z, x * z, x * y], axis=1), atol=1e-9
    )


def test_weights_say_where_it_is_best(points):
    values = np.abs(points[:, :1])
    near = np.linalg.norm(points, axis=1) < 1.0
    errors = []
    for weights in (None, np.where(near, 1.0, 0.1)):
        off = Polynomial(points, values, weights)(points) - values
        errors.append(np.square(off[near]).mean())
    assert errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize("more", [0, 1], ids=["as they are", "with a constant"])
def test_residuals_of_points_left_out_are_those_of_fits_without_them(points, rng, more):
    values = cubic(points) + np.sin(5 * points[:, :1]) + rng.normal(size=(200, 1))
    given = np.hstack([points, np.full((200, more), 2.0)])
    found = Polynomial(given, values).left_out()
    for k in (0, 50):
        rest = np.delete(np.arange(200), k)
        alone = Polynomial(given[rest], values[rest])
        np.testing.assert_allclose(found[k], (values - alone(given))[k], rtol=1e-6)


def test_few_points_are_given_fewer_terms(rng):
    points = rng.normal(size=(30, 3))
    assert Polynomial(points, cubic(points)).degree == 2
    assert Polynomial(points[:12], cubic(points[:12])).degree == 1
