"""Where models come to rest, found without integrating them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from delssome.models import FIC, MFM, Candidates, Model
from delssome.models.steady import _solve, jacobian, network_jacobian, newton, relax
from delssome.simulation import Acquisition, simulate

N_ROIS = 6


@pytest.fixture
def sc(rng):
    weights = np.triu(rng.random((N_ROIS, N_ROIS)), 1) * 0.02
    return weights + weights.T


def oscillating(x, y, coupling, a, expm1):
    """Stuart-Landau: a cycle of radius sqrt(a) where a > 0, rest at 0 elsewhere."""
    size = x * x + y * y
    return (a - size) * x - 10.0 * y + coupling, (a - size) * y + 10.0 * x, x


@dataclass(frozen=True)
class Oscillator(Model):
    a: tuple[float, float] = (-5.0, 5.0)
    G: tuple[float, float] = (0.0, 1.0)
    sigma: tuple[float, float] = (0.001, 0.1)

    states: ClassVar = ("x", "y")
    inputs: ClassVar = ("a",)
    outputs: ClassVar = ("seen",)
    searched: ClassVar = ("a", "G", "sigma")
    regional: ClassVar = ("a", "sigma")
    initial_state: ClassVar = (0.1, 0.0)
    largest_step: ClassVar = 0.01
    derivatives: ClassVar = staticmethod(oscillating)


def oscillators(a, sc):
    n = len(a)
    return Candidates(Oscillator(), {"a": a, "G": [0.5] * n, "sigma": [0.01] * n}, sc)


def test_it_finds_the_fixed_point_that_fic_knows_in_closed_form(rng, sc):
    candidates = Candidates(
        FIC(),
        {
            "w_EE": rng.uniform(1, 3, (20, N_ROIS)),
            "w_EI": rng.uniform(1.5, 5, (20, N_ROIS)),
            "G": rng.uniform(0, 3, 20),
            "sigma": [0.005] * 20,
        },
        sc,
    )
    found = relax(FIC(), candidates.solved, sc)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, candidates.states, rtol=1e-8)


@pytest.mark.slow
def test_it_ends_where_a_simulation_without_noise_does(rng):
    """All over the box, also where a trajectory lingers or sets off again."""
    n_rois, n = 30, 60
    weights = np.triu(rng.random((n_rois, n_rois)), 1) * 0.02
    candidates = Candidates(
        MFM(),
        {
            "w": rng.uniform(0, 1, (n, n_rois)),
            "I": rng.uniform(0.2, 0.5, (n, n_rois)),
            "G": rng.uniform(1, 10, n),
            "sigma": [0.005] * n,
        },
        weights + weights.T,
    )
    (found,) = candidates.states
    # Slow passages of what was a fixed point take up to a minute; longer steps than
    # these diverge where the strongest networks fire fastest.
    scan = Acquisition(n_frames=10, window=5, burn_in=0.0, warm_up=90.0, dt=0.004)
    quiet = simulate(
        candidates, scan, np.zeros((n, 1), int), dtype="float64", noise=False
    )
    np.testing.assert_allclose(found, quiet.averages["S"][:, 0], rtol=1e-6)


@pytest.mark.slow
def test_it_enters_the_basin_in_which_a_simulation_starts(sc):
    """Of a model with two states of rest, the one next to the initial state."""

    @dataclass(frozen=True)
    class High(MFM):
        initial_state: ClassVar = (0.9,)

    given = {"w": [1.2], "I": [0.3], "G": [1.0], "sigma": [0.005]}
    low, high = (Candidates(m, given, sc).states[0] for m in (MFM(), High()))
    assert (low < 0.2).all()
    assert (high > 0.5).all()
    scan = Acquisition(n_frames=10, window=5, burn_in=0.0, warm_up=60.0)
    for model, found in ((MFM(), low), (High(), high)):
        quiet = simulate(
            Candidates(model, given, sc), scan, [[0]], dtype="float64", noise=False
        )
        np.testing.assert_allclose(found, quiet.averages["S"][:, 0], rtol=1e-6)


def test_what_never_rests_is_nan_and_leaves_the_others_alone(sc):
    together = oscillators([-2.0, 3.0, -1.0], sc)
    np.testing.assert_array_equal(together.rests, [True, False, True])
    x, y = together.states
    assert np.isnan(x[1]).all()
    assert np.isnan(y[1]).all()
    np.testing.assert_allclose(x[[0, 2]], 0.0, atol=1e-8)
    alone = oscillators([-2.0], sc)
    np.testing.assert_array_equal(alone.states[0][0], x[0])


def test_what_diverges_is_nan(sc):
    class Runaway(Oscillator):
        @staticmethod
        def derivatives(x, y, coupling, a, expm1):
            return a + x * x, -y, x

    given = {"a": [3.0], "G": [0.5], "sigma": [0.01]}
    assert np.isnan(Candidates(Runaway(), given, sc).states).all()


def test_each_candidate_may_have_its_own_connectome(rng, sc):
    params = {"w": [0.5] * 3, "I": [0.3] * 3, "G": [3.0] * 3, "sigma": [0.01] * 3}
    several = sc * np.array([0.2, 0.6, 1.0])[:, None, None]
    (found,) = Candidates(MFM(), params, several).states
    for k in range(3):
        one = {name: values[:1] for name, values in params.items()}
        (alone,) = Candidates(MFM(), one, several[k]).states
        np.testing.assert_allclose(found[k], alone[0], rtol=1e-9)


def test_newton_finds_the_roots_of_all_elements():
    target = np.array([[0.3, 2.0], [7.0, 1e-3]])
    root = newton(lambda x: np.exp(x) - target, np.zeros((2, 2)))
    # One more step would move it by the square of 1e-8.
    np.testing.assert_allclose(root, np.log(target), rtol=1e-12)


def test_newton_says_where_there_is_no_root():
    with (
        np.errstate(all="ignore"),
        pytest.raises(RuntimeError, match="fixed point"),
    ):
        newton(lambda x: x * x + 1.0, 0.5, max_iter=20)


def test_the_jacobian_of_linear_functions_is_their_matrix(rng):
    matrix = rng.standard_normal((2, 3))
    slopes = jacobian(lambda x: np.tensordot(matrix, x, 1), rng.random((3, 4)))
    assert slopes.shape == (2, 3, 4)
    # Rounding of values of order one over a step of 1e-6.
    np.testing.assert_allclose(slopes, np.repeat(matrix[..., None], 4, 2), atol=1e-9)


def test_the_jacobian_is_central_differences(rng):
    point = rng.random((2, 3))
    slopes = jacobian(lambda x: np.stack([x[0] ** 2, x[0] * x[1]]), point)
    expected = [[2 * point[0], 0 * point[0]], [point[1], point[0]]]
    # Exact for quadratics, but for rounding; one-sided ones are off by 1e-6.
    np.testing.assert_allclose(slopes, expected, atol=1e-9)


def test_slopes_of_a_network_are_those_of_all_its_states(rng):
    """Of three states, of which the last and the first reach other regions."""
    n, n_rois, coupled = 2, 3, [2, 0]
    matrix = rng.standard_normal((3, 5))
    network = rng.random((n, n_rois, n_rois))
    slopes = np.broadcast_to(matrix[..., None, None], (3, 5, n, n_rois))
    found = network_jacobian(slopes, network, coupled)
    for k in range(n):

        def rates(x, k=k):
            states = x.reshape(3, n_rois)
            reaching = [network[k] @ states[b] for b in coupled]
            return (matrix @ np.vstack([states, reaching])).ravel()

        columns = [rates(unit) for unit in np.eye(9)]
        np.testing.assert_allclose(found[k], np.transpose(columns), atol=1e-12)


def test_newton_takes_a_hundred_steps_at_most():
    calls = []

    def never(x):
        calls.append(1)
        return x * x + 1.0

    with np.errstate(all="ignore"), pytest.raises(RuntimeError):
        newton(never, 0.5)
    assert len(calls) == 100


def test_a_singular_system_leaves_the_others_alone(rng):
    systems, right = rng.random((3, 2, 2)), rng.random((3, 2, 1))
    systems[1] = 1.0
    found = _solve(systems, right)
    assert np.isnan(found[1]).all()
    for k in (0, 2):
        np.testing.assert_allclose(systems[k] @ found[k], right[k])
    right[0, 0] = np.inf
    found = _solve(systems, right)
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2]).all()


def test_an_unstable_state_of_rest_is_none():
    """It starts where it would rest, were it not for the least push."""

    class AtTheTop(Oscillator):
        initial_state: ClassVar = (0.0, 0.0)

    given = {"a": [2.0, -2.0], "G": [0.1, 0.1], "sigma": [0.1, 0.1]}
    candidates = Candidates(AtTheTop(), given, np.zeros((3, 3)))
    assert candidates.rests.tolist() == [False, True]


def test_linear_equations_rest_where_they_are_solved(rng, sc):
    """Two states couple; with regions that differ."""

    @dataclass(frozen=True)
    class Pair(Oscillator):
        couples: ClassVar = ("y", "x")

        @staticmethod
        def derivatives(x, y, from_y, from_x, a, expm1):
            return 1.0 - 3.0 * x + from_y + a, 0.5 * x - 2.0 * y + from_x, x

    n = 4
    a, G = rng.random((n, N_ROIS)), np.linspace(0.0, 20.0, n)
    given = {"a": a, "G": G, "sigma": np.full(n, 0.1)}
    x, y = relax(Pair(), given, sc)
    one, zero = np.eye(N_ROIS), np.zeros(N_ROIS)
    for k in range(n):
        system = np.block([[-3 * one, G[k] * sc], [0.5 * one + G[k] * sc, -2 * one]])
        expected = np.linalg.solve(system, -np.concatenate([1.0 + a[k], zero]))
        np.testing.assert_allclose([*x[k], *y[k]], expected, rtol=1e-8)
