import numpy as np
import pytest

from delssome.inference import Emulator, LocalEmulator

N_DIM, N_ENTRIES = 4, 30


def vectors(x, mixing):
    """Nearly linear about 0, and wild far away."""
    return x @ mixing + 0.3 * np.sin(x @ mixing) + 0.02 * (x**4) @ mixing


def rates(x):
    """Not to be noticed where vectors have no limit."""
    return 1.0 + 1e-9 * x[:, 0]


@pytest.fixture
def world(rng):
    mixing = rng.normal(size=(N_DIM, N_ENTRIES))
    points = 1.5 * rng.normal(size=(900, N_DIM))
    about = np.zeros(N_ENTRIES)
    return LocalEmulator(points, vectors(points, mixing), about, rates(points)), mixing


def test_slopes_are_those_of_amplitudes(world, rng):
    emulator, _ = world
    points, h = rng.normal(size=(5, N_DIM)), 1e-5
    amplitudes, slopes = emulator.with_slopes(points)
    np.testing.assert_allclose(amplitudes, emulator.amplitudes(points))
    assert slopes.shape == (5, emulator.n_components, N_DIM)
    for k, move in enumerate(h * np.eye(N_DIM)):
        plus, minus = (emulator.amplitudes(points + s * move) for s in (1, -1))
        np.testing.assert_allclose(slopes[..., k], (plus - minus) / (2 * h), atol=1e-6)


def test_it_is_better_near_what_was_observed_than_one_that_is_so_everywhere(rng):
    mixing = rng.normal(size=(N_DIM, N_ENTRIES))
    points = 1.5 * rng.normal(size=(900, N_DIM))
    there = vectors(points, mixing)
    near = 0.3 * rng.normal(size=(200, N_DIM))
    squares = []
    for one in (
        LocalEmulator(points, there, np.zeros(N_ENTRIES), rates(points)),
        Emulator(points, there),
    ):
        found = one.centre + one.amplitudes(near) @ one.components
        squares.append(np.square(found - vectors(near, mixing)).sum(axis=1))
    assert np.median(squares[0]) < 0.5 * np.median(squares[1])


def test_it_knows_its_error(world, rng):
    emulator, mixing = world
    points = 0.5 * rng.normal(size=(500, N_DIM))
    found = vectors(points, mixing)
    near = np.square(emulator.project(found)).sum(axis=1) < 40.0
    off = emulator.project(found) - emulator.amplitudes(points)
    error = np.median(np.square(off[near]).sum(axis=1))
    assert emulator.error == pytest.approx(error, rel=0.9)


def test_what_is_like_nothing_seen_is_not_trusted(world):
    emulator, _ = world
    k = emulator.n_components
    about = emulator.project(np.zeros(N_ENTRIES))
    far = np.eye(k)[:1] * 1e4
    trust = emulator.trust(np.vstack([about, about + far]))
    assert trust[0] > 0.5
    assert trust[1] == 0.0


def test_distances_are_in_standard_deviations(world, rng):
    emulator, _ = world
    points = 1.5 * rng.normal(size=(2000, N_DIM))
    assert np.sqrt((emulator.distance(points) ** 2).mean()) == pytest.approx(1, abs=0.1)


def test_it_follows_vectors_that_grow_as_their_rates_vanish(rng):
    """As correlations do near the edge of stability, where polynomials fail."""
    mixing = rng.normal(size=(2, N_ENTRIES))

    def grow(points):
        rate = np.exp(points[:, 0]) - 0.1
        return rate, np.stack([np.log(rate), points[:, 1]], axis=1) @ mixing

    points = rng.uniform([-2.2, -1.0, -1.0], 1.0, (900, 3))
    rate, there = grow(points)
    about = there[np.argmin(np.abs(rate - 0.3))]
    emulator = LocalEmulator(points, there, about, rate)
    near = np.column_stack([rng.uniform(-2.0, -1.0, 200), rng.uniform(-1, 1, (200, 2))])
    truth = emulator.project(grow(near)[1])
    left = np.square(truth - emulator.amplitudes(near)).mean()
    polynomial = Emulator(points, there)
    found = polynomial.centre + polynomial.amplitudes(near) @ polynomial.components
    assert left < 0.1 * np.square(found - grow(near)[1]).sum(axis=1).mean()
    amplitudes, slopes = emulator.with_slopes(near[:5])
    np.testing.assert_allclose(amplitudes, emulator.amplitudes(near[:5]))
    for k, move in enumerate(1e-6 * np.eye(3)):
        plus, minus = (emulator.amplitudes(near[:5] + s * move) for s in (1, -1))
        np.testing.assert_allclose(
            slopes[..., k], (plus - minus) / 2e-6, rtol=1e-3, atol=1e-4
        )
