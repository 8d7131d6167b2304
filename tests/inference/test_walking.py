import numpy as np
import pytest

from delssome.inference import Chains, Look, heat, walk

N_DIM, N_OWN = 4, 3
MEAN = np.array([0.5, -1.0, 2.0, 0.3])


class Normal:
    """A correlated normal density that gives slopes of three of four coordinates."""

    n_own = N_OWN

    def __init__(self, covariance, bounds=np.inf):
        self.precision = np.linalg.inv(covariance)
        self.bounds = bounds

    def look(self, points, hints=None):
        off = points - MEAN
        value = -0.5 * np.einsum("np,pq,nq->n", off, self.precision, off)
        value[(np.abs(off) > self.bounds).any(axis=1)] = -np.inf
        own = self.precision[:N_OWN, :N_OWN]
        # Of the first coordinates, given the last.
        rest = off[:, N_OWN:] @ self.precision[N_OWN:, :N_OWN]
        step = -off[:, :N_OWN] - np.linalg.solve(own, rest.T).T
        root = np.linalg.cholesky(np.linalg.inv(own))
        roots = np.repeat(root[None], len(points), axis=0)
        return Look(value, step, roots, np.zeros(len(points)))


@pytest.fixture
def covariance(rng):
    mixing = rng.normal(size=(N_DIM, N_DIM))
    return mixing @ mixing.T + 0.1 * np.eye(N_DIM)


def anything(points):
    return np.ones(len(points), dtype=bool)


def gather(density, points, known, rng, n_walks):
    chains = Chains(points, density.look(points))
    found = []
    for _ in range(n_walks):
        chains = walk(density, chains, known, 12, rng)
        found.append(chains.points)
    return np.concatenate(found[n_walks // 4 :])


def test_chains_have_the_density(covariance, rng):
    density = Normal(covariance)
    points = 3.0 * rng.normal(size=(60, N_DIM))
    points = heat(density, points, anything, 8, rng)
    found = gather(density, points, anything, rng, 40)
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(found.mean(axis=0), MEAN, atol=0.15 * spread.max())
    np.testing.assert_allclose(
        np.cov(found.T), covariance, atol=0.12 * spread.max() ** 2
    )


def test_what_is_not_known_is_never_kept(covariance, rng):
    def known(points):
        return points[:, 0] > MEAN[0]

    density = Normal(covariance)
    points = MEAN + np.abs(0.1 * rng.normal(size=(40, N_DIM)))
    found = gather(density, points, known, rng, 30)
    assert (found[:, 0] > MEAN[0]).all()
    # Half of a normal density.
    off = (found[:, 0] - MEAN[0]) / np.sqrt(covariance[0, 0])
    assert off.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.15)


def test_bounds_are_kept(covariance, rng):
    density = Normal(covariance, bounds=0.5)
    points = MEAN + 0.1 * rng.normal(size=(40, N_DIM))
    found = gather(density, points, anything, rng, 10)
    assert (np.abs(found - MEAN) <= 0.5).all()


def test_a_density_of_nothing_is_refused(covariance, rng):
    density = Normal(covariance, bounds=0.5)
    with pytest.raises(ValueError, match="0 at every point"):
        heat(density, MEAN + 9.0 * np.ones((10, N_DIM)), anything, 4, rng)
