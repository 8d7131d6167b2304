import numpy as np
import pytest

from delssome.inference import Emulator, LocalEmulator

N_DIM, N_ENTRIES = 4, 30


def vectors(x, mixing):
    """Nearly linear about 0, and wild far away."""
    return x @ mixing + 0.3 * np.sin(x @ mixing) + 0.02 * (x**4) @ mixing


@pytest.fixture
def world(rng):
    mixing = rng.normal(size=(N_DIM, N_ENTRIES))
    points = 1.5 * rng.normal(size=(900, N_DIM))
    about = np.zeros(N_ENTRIES)
    return LocalEmulator(points, vectors(points, mixing), about), mixing


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
        LocalEmulator(points, there, np.zeros(N_ENTRIES)),
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
