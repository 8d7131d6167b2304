from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from delssome.fitting.pooling import PooledDensity
from delssome.inference import MixedModel

N_SCANS, STEEP, SCATTER = 6, 12.0, 0.1


class Edge:
    """FC that grows without limit where a coordinate comes near 0.3 below the group."""

    def with_slopes(self, points):
        rate = np.maximum(points[:, 0] + 0.3, 1e-3)
        values = np.stack([-STEEP * np.log(rate), points[:, 0]], axis=1)
        slopes = np.stack([-STEEP / rate, np.ones(len(points))], axis=1)
        return values, slopes[..., None]

    def distance(self, points):
        return np.abs(points[:, 0]) / 0.2

    def trust(self, amplitudes):
        return np.ones(len(amplitudes))


@pytest.fixture
def density(rng):
    places = np.array([0.0, 0.1, 0.2, -0.1, -0.2, -0.27])  # the last near the edge
    amplitudes = Edge().with_slopes(places[:, None])[0]
    amplitudes += 0.3 * rng.normal(size=amplitudes.shape)
    mixed = MixedModel(
        np.zeros((N_SCANS, 1, 0)),
        np.arange(N_SCANS),
        np.zeros(1, dtype=int),
        0.3,
        np.ones(1),
        0.0,
        amplitudes.size,
    )
    coordinates = SimpleNamespace(n_own=1, n_dim=1, padded=lambda own: own)
    return PooledDensity(coordinates, Edge(), amplitudes, 0.0, mixed)


def point(base):
    return np.array([[base, np.log(SCATTER), 0.0]])


def likeliest(density, base):
    """Where each scan is likeliest, by a search over one coordinate."""
    found = []
    for observed in density.amplitudes:

        def misfit(off, observed=observed):
            expected = Edge().with_slopes(np.array([[base + off]]))[0][0]
            return np.square(observed - expected).sum() + (off / SCATTER) ** 2

        grid = np.linspace(-0.29 - base, 0.5, 400)
        best = grid[np.argmin([misfit(off) for off in grid])]
        around = (best - 0.01, best + 0.01)
        found.append(minimize_scalar(misfit, bounds=around, method="bounded").x)
    return np.array(found)


@pytest.mark.parametrize("base", [0.0, 0.05, 0.2])
def test_scans_are_where_they_are_likeliest_also_at_the_edge(density, base):
    """Whole Gauss-Newton steps swing for those near it."""
    _, off = density.settle(point(base))
    np.testing.assert_allclose(off[0, :, 0], likeliest(density, base), atol=2e-3)


def test_hints_change_nothing_but_the_way(density):
    cold, off = density.settle(point(0.05))
    warm, again = density.settle(point(0.05), off)
    np.testing.assert_allclose(warm.log_density, cold.log_density, atol=0.1)
    np.testing.assert_allclose(again, off, atol=1e-3)
    near, _ = density.settle(point(0.06), off)
    far, _ = density.settle(point(0.06))
    np.testing.assert_allclose(near.log_density, far.log_density, atol=0.1)


def test_points_are_settled_alike_in_any_company(density):
    points = np.vstack([point(base) for base in (0.0, 0.1, 0.2)])
    together, off = density.settle(points)
    for k in range(len(points)):
        alone, own = density.settle(points[k : k + 1])
        np.testing.assert_allclose(alone.log_density, together.log_density[k])
        np.testing.assert_allclose(own[0], off[k])
